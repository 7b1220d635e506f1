"""The Helm chart, rendered for several kinds of values: what the tests of both its shapes look at."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy/helm/receiver"
VERSIONS = ("1.30", "1.33", "1.36")
KUBE = VERSIONS[-1]
OPERATORS = {"ServiceMonitor", "PrometheusRule"}
"""Of the Prometheus operator, whose schemas are not Kubernetes' own."""
URL = "postgresql://receiver_run@db.example.com,db2.example.com:5433/pay?sslmode=verify-full"
OWNERS_URL = "postgresql://receiver_owner@db.example.com/pay"
ON_VOLUME: dict[str, dict[str, Any]] = {
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
RESOURCES = {"requests": {"cpu": 1, "memory": "1Gi", "ephemeral-storage": "8Mi"},
             "limits": {"memory": "1Gi", "ephemeral-storage": "32Mi"}}  # fmt: skip
IN_DATABASE: dict[str, dict[str, Any]] = {
    "database": {"journal": {"engine": "postgresql", "postgresql": {"url": URL, "passwordSecret": {"name": "pg"}}}},
    "database, everything": {
        "journal": {"engine": "postgresql", "postgresql": {
            "url": URL, "passwordSecret": {"name": "pg", "key": "run"}, "databaseSchema": "shop",
            "durability": "replicated",
            "init": {"slots": 4, "url": OWNERS_URL, "allow": "receiver_run",
                     "passwordSecret": {"name": "pg-owner", "key": "owner"}}}},
        "intake": {"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9}, "minAvailable": 2,
                   "preStopSeconds": 25, "resources": RESOURCES},
        "worker": {"replicas": 3, "minAvailable": 2, "resources": RESOURCES},
        "networkPolicy": {"publicFrom": [{"podSelector": {"matchLabels": {"app": "ingress"}}}],
                          "egress": [{"ports": [{"port": 5432, "protocol": "TCP"}]}]},
        **{key: value for key, value in ON_VOLUME["everything"].items() if key != "persistence"},
    },
    "database, bare": {
        "journal": {"engine": "postgresql", "postgresql": {"url": URL, "init": {"enabled": False}}},
        "intake": {"replicas": 1, "minAvailable": 0}, "worker": {"replicas": 1, "minAvailable": 0},
        "networkPolicy": {"enabled": False},
    },
}  # fmt: skip
SETS = ON_VOLUME | IN_DATABASE


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
    documents = [document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def pods(name: str) -> dict[str, dict[str, Any]]:
    """Give the pods of one set, labels and all, by the name of what makes them."""
    makers = ("StatefulSet", "Deployment", "Job")
    return {of: one["spec"]["template"] for (kind, of), one in rendered(name).items() if kind in makers}


def chosen(name: str, kind: str, of: str) -> set[str]:
    """Give what makes the pods that a Service, a budget or a policy of a set is about."""
    spec = rendered(name)[kind, of]["spec"]
    labels = spec["selector"] if kind == "Service" else spec["podSelector" if kind == "NetworkPolicy" else "selector"]
    wanted = labels.get("matchLabels", labels).items()
    return {maker for maker, pod in pods(name).items() if wanted <= pod["metadata"]["labels"].items()}


def environ_of(name: str, maker: str) -> dict[str, str]:
    """Give what the service is told by its environment; no name is told twice."""
    (container,) = pods(name)[maker]["spec"]["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names))
    return {entry["name"]: entry["value"] for entry in container["env"]}
