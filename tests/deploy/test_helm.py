"""The chart: linted, rendered for several kinds of values, refused for those that would lose callbacks.

What it renders is held against Kubernetes' own schemas of several versions, and against what a pod of the restricted
profile must be. No cluster runs here.
"""

from __future__ import annotations

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
from tests.helm_chart import (
    CHART,
    KUBE,
    ON_VOLUME,
    OPERATORS,
    ROOT,
    SETS,
    URL,
    VERSIONS,
    environ_of,
    helm,
    pods,
    rendered,
    template,
)

pytestmark = pytest.mark.xdist_group("helm")
"""One worker has all that look at the chart, which renders each set of values once."""


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
    """No root, no capability, nothing writable but a journal on a volume, no token of the cluster."""
    for maker in pods(name).values():
        of_pod, (container,) = maker["spec"], maker["spec"]["containers"]
        assert of_pod["securityContext"]["runAsNonRoot"] is True
        assert of_pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert of_pod["automountServiceAccountToken"] is of_pod["enableServiceLinks"] is False
        inside = container["securityContext"]
        assert inside["capabilities"] == {"drop": ["ALL"]}
        assert (inside["allowPrivilegeEscalation"], inside["readOnlyRootFilesystem"]) == (False, True)
        writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == (["journal"] if name in ON_VOLUME else [])
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", ON_VOLUME)
def test_one_journal_has_one_holder_and_is_kept(name: str) -> None:
    """On a volume of its own that no other node has, and that a smaller set does not delete."""
    spec = rendered(name)["StatefulSet", "pay"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert spec["replicas"] == 1
    assert claim["spec"]["accessModes"] in (["ReadWriteOncePod"], ["ReadWriteOnce"])
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"


@pytest.mark.parametrize("name", SETS)
def test_no_probe_kills_it_because_something_else_is_away(name: str) -> None:
    """Only whether it runs decides over its life; a full disk or a database that is away can make it unready."""
    for maker in set(pods(name)) - {"pay-init"}:
        of_pod = pods(name)[maker]["spec"]
        (container,) = of_pod["containers"]
        paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
        assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        waits = container.get("lifecycle", {}).get("preStop", {"exec": {"command": ["sleep", "0"]}})["exec"]["command"]
        needs = int(waits[1]) + float(environ_of(name, maker)["RECEIVER_SERVER__SHUTDOWN_TIMEOUT_S"])
        assert of_pod["terminationGracePeriodSeconds"] > needs


def test_the_configuration_arrives_as_it_was_written() -> None:
    """And a change of it starts the pod anew."""
    config = '[[sources]]\nname = "a"\n  # {{ not a template }}\nsecrets = ["file:/run/secrets/receiver/x"]\n'
    documents = [one for one in yaml.load_all(template({"config": config}).stdout, yaml.CSafeLoader) if one]
    (text,) = [one["data"]["receiver.toml"] for one in documents if one["kind"] == "ConfigMap"]
    assert tomllib.loads(text) == tomllib.loads(config)
    sums = {
        one["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for one in [*documents, rendered("defaults")["StatefulSet", "pay"]]
        if one["kind"] == "StatefulSet"
    }
    assert len(sums) == 2


def test_traces_are_told_where_a_collector_is_named() -> None:
    """In words that the service's own settings take; else the configuration alone says of them."""
    told = {
        name.removeprefix("RECEIVER_TRACES__").lower(): value
        for name, value in environ_of("everything", "pay").items()
        if name.startswith("RECEIVER_TRACES__")
    }
    settings = TraceSettings.model_validate_strings(told)
    assert (settings.endpoint, settings.sample_ratio) == ("http://otel-collector:4318/v1/traces", 1)
    assert set(told) == set(TraceSettings.model_fields), "a setting that the chart has no value for"
    assert not [name for name in environ_of("defaults", "pay") if "TRACES" in name]


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
        ({"extraEnv": [{"name": "RECEIVER_JOURNAL__PASSWORD", "value": "env:P"}]}, "extraEnv"),
        ({"journal": {"engine": "mysql"}}, "engine"),
        ({"intake": {"replicas": 3}}, "more need journal.engine postgresql"),
        ({"worker": {"replicas": 3}}, "more need journal.engine postgresql"),
        ({"journal": {"postgresql": {"url": URL}}}, "left out where journal.engine is sqlite"),
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


@pytest.mark.parametrize("name", ["defaults", "closed", "database", "database, everything"])
def test_kube_score_finds_nothing_critical(name: str) -> None:
    """Beyond what is named above."""
    program = shutil.which("kube-score") or shutil.which("kube-score", path=str(Path.home() / "go/bin"))
    if program is None:
        pytest.skip("kube-score is not here: go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0")
    text = template(SETS[name]).stdout
    ignored = [option for check in KUBE_SCORE_IGNORED for option in ("--ignore-test", check)]
    command = [program, "score", "--output-format", "ci", *ignored, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith("[CRITICAL]")] == []
    assert done.returncode == 0, done.stdout + done.stderr
