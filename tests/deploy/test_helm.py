"""The chart: linted, rendered for several kinds of values, refused for those that would lose callbacks.

What it renders is held against Kubernetes' own schemas of several versions, and against what a pod of the restricted
profile must be. No cluster runs here.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from receiver.service.config.settings import TraceSettings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/receiver"
VERSIONS = ("1.30", "1.33", "1.36")
KUBE = VERSIONS[-1]
OPERATORS = {"ServiceMonitor", "PrometheusRule"}
"""Of the Prometheus operator, whose schemas are not Kubernetes' own."""
SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": {
        "image": {"repository": "registry.example.com/receiver", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "pull"}],
        "ingress": {"enabled": True, "className": "nginx", "host": "pay.example.com", "tlsSecret": "tls",
                    "annotations": {"a": "b"}},
        "persistence": {"size": "1Ti", "storageClass": "fast", "accessMode": "ReadWriteOnce", "retain": False},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "runbookBaseUrl": "https://docs.example.com/receiver/"},
        "dashboard": {"enabled": True},
        "traces": {"endpoint": "http://otel-collector:4318/v1/traces", "sampleRatio": 1},
        "podLabels": {"team": "payments"}, "podAnnotations": {"x": "y"}, "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "payments", "operator": "Exists"}], "priorityClassName": "high",
        "affinity": {"nodeAffinity": {}},
        "extraEnv": [{"name": "RECEIVER_KAFKA__BOOTSTRAP_SERVERS", "value": '["kafka:9092"]'}],
    },
    "closed": {
        "networkPolicy": {"publicFrom": [{"podSelector": {"matchLabels": {"app": "ingress"}}}],
                          "egress": [{"ports": [{"port": 9092, "protocol": "TCP"}]}]},
        "podDisruptionBudget": {"maxUnavailable": 0},
    },
    "open": {"networkPolicy": {"enabled": False}, "service": {"type": "LoadBalancer", "port": 8080}},
}  # fmt: skip


@functools.cache
def helm() -> str:
    """Give the program; skip aloud where it is not."""
    found = shutil.which("helm") or shutil.which("helm", path=str(Path.home() / "go/bin"))
    if found is None:
        pytest.skip("helm is not here: go install helm.sh/helm/v3/cmd/helm@latest")
    return found


def template(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Render the chart with values over its own."""
    command = [
        helm(),
        "template",
        "pay",
        str(CHART),
        "--namespace",
        "payments",
        "--kube-version",
        KUBE,
        "--values",
        "-",
    ]
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)


@functools.cache
def rendered(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Give what one set renders, by kind and name."""
    done = template(SETS[name])
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def pod(name: str) -> dict[str, Any]:
    """Give the pod of one set."""
    spec: dict[str, Any] = rendered(name)["StatefulSet", "pay"]["spec"]["template"]["spec"]
    return spec


def test_helms_own_linter_finds_nothing() -> None:
    """Not a warning either."""
    done = subprocess.run(
        [helm(), "lint", "--strict", "--kube-version", KUBE, str(CHART)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SETS)
def test_kubernetes_takes_what_is_rendered(name: str, version: str) -> None:
    """By the schemas of each version, where an unknown key is an error."""
    for (kind, _), document in rendered(name).items():
        if kind not in OPERATORS:
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", SETS)
def test_a_pod_of_the_restricted_profile(name: str) -> None:
    """No root, no capability, nothing writable but the journal, no token of the cluster."""
    of_pod, (container,) = pod(name), pod(name)["containers"]
    assert of_pod["securityContext"]["runAsNonRoot"] is True
    assert of_pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert of_pod["automountServiceAccountToken"] is of_pod["enableServiceLinks"] is False
    inside = container["securityContext"]
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert (inside["allowPrivilegeEscalation"], inside["readOnlyRootFilesystem"]) == (False, True)
    writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["journal"]
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", SETS)
def test_one_journal_has_one_holder_and_is_kept(name: str) -> None:
    """On a volume of its own that no other node has, and that a smaller set does not delete."""
    spec = rendered(name)["StatefulSet", "pay"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert spec["replicas"] == 1
    assert claim["spec"]["accessModes"] in (["ReadWriteOncePod"], ["ReadWriteOnce"])
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"


@pytest.mark.parametrize("name", SETS)
def test_no_probe_kills_it_because_something_else_is_away(name: str) -> None:
    """Only whether it runs decides over its life; a full disk makes it unready."""
    (container,) = pod(name)["containers"]
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    environ = {entry["name"]: entry["value"] for entry in container["env"]}
    assert pod(name)["terminationGracePeriodSeconds"] > float(environ["RECEIVER_SERVER__SHUTDOWN_TIMEOUT_S"])


def test_the_configuration_arrives_as_it_was_written() -> None:
    """And a change of it starts the pod anew."""
    config = '[[sources]]\nname = "a"\n  # {{ not a template }}\nsecrets = ["file:/run/secrets/receiver/x"]\n'
    documents = [one for one in yaml.safe_load_all(template({"config": config}).stdout) if one]
    (text,) = [one["data"]["receiver.toml"] for one in documents if one["kind"] == "ConfigMap"]
    assert tomllib.loads(text) == tomllib.loads(config)
    sums = {
        one["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for one in [*documents, rendered("defaults")["StatefulSet", "pay"]]
        if one["kind"] == "StatefulSet"
    }
    assert len(sums) == 2


def environ(documents: dict[tuple[str, str], dict[str, Any]]) -> dict[str, str]:
    """Give what the service is told by its environment."""
    (container,) = documents["StatefulSet", "pay"]["spec"]["template"]["spec"]["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names))
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_traces_are_told_where_a_collector_is_named() -> None:
    """In words that the service's own settings take; else the configuration alone says of them."""
    told = {
        name.removeprefix("RECEIVER_TRACES__").lower(): value
        for name, value in environ(rendered("everything")).items()
        if name.startswith("RECEIVER_TRACES__")
    }
    settings = TraceSettings.model_validate_strings(told)
    assert (settings.endpoint, settings.sample_ratio) == ("http://otel-collector:4318/v1/traces", 1)
    assert set(told) == set(TraceSettings.model_fields), "a setting that the chart has no value for"
    assert not [name for name in environ(rendered("defaults")) if "TRACES" in name]


def test_the_chart_samples_what_the_service_would() -> None:
    """Where only the collector is named."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert values["traces"]["sampleRatio"] == TraceSettings().sample_ratio


def test_alerts_and_dashboard_are_those_of_this_repository() -> None:
    """With the address of the reader's own documents before each page."""
    everything = rendered("everything")
    groups = everything["PrometheusRule", "pay"]["spec"]["groups"]
    ours = yaml.safe_load((ROOT / "deploy/prometheus/receiver.rules.yml").read_text("utf-8"))["groups"]
    for rule, own in zip(groups[0]["rules"], ours[0]["rules"], strict=True):
        assert rule["expr"] == own["expr"]
        page = own["annotations"]["runbook_url"]
        assert rule["annotations"]["runbook_url"] == f"https://docs.example.com/receiver/{page}"
    board = everything["ConfigMap", "pay-dashboard"]["data"]["receiver.json"]
    assert json.loads(board) == json.loads((ROOT / "deploy/grafana/receiver.json").read_text("utf-8"))


def test_only_callbacks_are_for_the_world() -> None:
    """An ingress has their path alone, and the admin listener a service of its own."""
    everything = rendered("everything")
    (path,) = everything["Ingress", "pay"]["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/webhooks/", "pay")
    assert [port["name"] for port in everything["Service", "pay"]["spec"]["ports"]] == ["http"]
    policy = rendered("closed")["NetworkPolicy", "pay"]["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in policy if not rule.get("from")] == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"replicaCount": 2}, "replicaCount"),
        ({"replicaCount": 0}, "replicaCount"),
        ({"replicas": 1}, "replicas"),
        ({"persistence": {"enabled": False}}, "enabled"),
        ({"persistence": {"accessMode": "ReadWriteMany"}}, "accessMode"),
        ({"persistence": {"size": "lots"}}, "size"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"digest": "sha256:12"}}, "digest"),
        ({"config": ""}, "config"),
        ({"shutdownTimeoutSeconds": 1}, "shutdownTimeoutSeconds"),
        ({"secrets": {"existingSecret": ""}}, "existingSecret"),
        ({"secrets": {"oxpay": "in clear text"}}, "oxpay"),
        ({"ingress": {"enabled": True, "host": "pay.example.com"}}, "tlsSecret"),
        ({"networkPolicy": {"adminFrom": []}}, "adminFrom"),
        ({"podDisruptionBudget": {"maxUnavailable": "50%"}}, "maxUnavailable"),
        ({"traces": {"endpoint": "otel-collector:4317"}}, "endpoint"),
        ({"traces": {"endpoint": "http://otel-collector:4318"}}, "endpoint"),
        ({"traces": {"sampleRatio": 1.5}}, "sampleRatio"),
        ({"traces": {"ratio": 1}}, "ratio"),
        ({"extraEnv": [{"name": "RECEIVER_JOURNAL__URL", "value": "sqlite:/tmp/j"}]}, "extraEnv"),
    ],
)
def test_what_would_lose_callbacks_is_refused(values: dict[str, Any], says: str) -> None:
    """Before anything is installed, naming the value."""
    done = template(values)
    assert done.returncode != 0
    assert says in done.stderr


KUBE_SCORE_IGNORED = {
    "container-resources": "no limit on the processor: a throttled process keeps providers waiting",
    "pod-probes": "liveness asks /livez and readiness /readyz, which differ by more than their path",
    "statefulset-has-host-podantiaffinity": "there is one pod",
    "statefulset-has-poddisruptionbudget": "it has one, by maxUnavailable",
    "statefulset-has-servicename": "nobody asks for the pod by a name of its own; the service it names is the callers'",
    "container-image-pull-policy": "tags are versions and digests, which do not change",
}
"""Checks of kube-score that do not hold here, each with the reason."""


@pytest.mark.parametrize("name", ["defaults", "closed"])
def test_kube_score_finds_nothing_critical(name: str) -> None:
    """Beyond what is named above."""
    program = shutil.which("kube-score") or shutil.which("kube-score", path=str(Path.home() / "go/bin"))
    if program is None:
        pytest.skip("kube-score is not here: go install github.com/zegl/kube-score/cmd/kube-score@latest")
    text = template(SETS[name]).stdout
    ignored = [option for check in KUBE_SCORE_IGNORED for option in ("--ignore-test", check)]
    command = [program, "score", "--output-format", "ci", *ignored, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith("[CRITICAL]")] == []
    assert done.returncode == 0, done.stdout + done.stderr
