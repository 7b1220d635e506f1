"""The chart with a journal on PostgreSQL: pods of two roles, the job that makes the tables, and what is refused of it.

What holds for both of the chart's shapes is in ``test_helm``. No cluster runs here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from receiver.cli.journal import init
from receiver.cli.serve import serve
from receiver.journal.engines import why_no_url
from receiver.service.config.journal_settings import JournalSettings
from tests.helm_chart import CHART, IN_DATABASE, OWNERS_URL, URL, chosen, environ_of, pods, rendered, template

pytestmark = pytest.mark.xdist_group("helm")
"""One worker has all that look at the chart, which renders each set of values once."""


@pytest.mark.parametrize("name", IN_DATABASE)
def test_a_journal_in_a_database_has_pods_of_two_roles_and_no_volume(name: str) -> None:
    """Told of the database in words that the service's own settings and command line take; its password is a file."""
    assert not [kind for kind, _ in rendered(name) if kind in {"StatefulSet", "PersistentVolumeClaim"}]
    database = IN_DATABASE[name]["journal"]["postgresql"]
    for role in ("intake", "worker"):
        of_pod = pods(name)[f"pay-{role}"]["spec"]
        (container,) = of_pod["containers"]
        assert container["args"][0] == "serve"
        assert serve.make_context("serve", container["args"][1:]).params["role"] == role
        assert container["resources"] == IN_DATABASE[name].get(role, {}).get("resources", resources_of_all())
        assert ("http" in [port["name"] for port in container["ports"]]) == (role == "intake")
        told = environ_of(name, f"pay-{role}")
        settings = JournalSettings.model_validate_strings(
            {
                key.removeprefix("RECEIVER_JOURNAL__").lower(): value
                for key, value in told.items()
                if key.startswith("RECEIVER_JOURNAL__")
            }
        )
        asked = database.get("databaseSchema", "receiver"), database.get("durability", "fsync")
        assert (settings.url, settings.database_schema, settings.durability) == (URL, *asked)
        assert password_in(of_pod, settings.password) == database.get("passwordSecret", {}).get("name")


def resources_of_all() -> dict[str, Any]:
    """Give what a pod has whose role names none."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    resources: dict[str, Any] = values["resources"]
    return resources


def password_in(of_pod: dict[str, Any], reference: str | None) -> str | None:
    """Give the name of the Secret behind a reference to a file, by the pod's mounts; None where there is neither."""
    (container,) = of_pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    if reference is None:
        assert "password" not in mounts
        return None
    (volume,) = [volume["secret"] for volume in of_pod["volumes"] if volume["name"] == "password"]
    assert reference == f"file:{mounts['password']['mountPath']}/{volume['items'][0]['path']}"
    assert "subPath" not in mounts["password"], "which would keep a new password out"
    return str(volume["secretName"])


@pytest.mark.parametrize("name", IN_DATABASE)
def test_pods_change_and_nodes_are_drained_without_a_callback_refused(name: str) -> None:
    """A new pod takes callbacks before an old one stops; of each role some stay, on nodes of their own."""
    for role in ("intake", "worker"):
        maker = f"pay-{role}"
        spec = rendered(name)["Deployment", maker]["spec"]
        scaled = rendered(name).get(("HorizontalPodAutoscaler", maker))
        fewest = spec["replicas"] if scaled is None else scaled["spec"]["minReplicas"]
        assert scaled is None or "replicas" not in spec, "which each upgrade would set back"
        budget = rendered(name)["PodDisruptionBudget", maker]["spec"]
        assert budget["minAvailable"] < fewest
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert chosen(name, "PodDisruptionBudget", maker) == {maker}
        (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
        assert spread["labelSelector"] == spec["selector"]
        assert spread["topologyKey"] == "kubernetes.io/hostname"
    spec = rendered(name)["Deployment", "pay-intake"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (container,) = spec["template"]["spec"]["containers"]
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert (program, int(seconds)) == ("sleep", IN_DATABASE[name].get("intake", {}).get("preStopSeconds", 10))


@pytest.mark.parametrize("name", IN_DATABASE)
def test_callers_reach_intakes_and_monitoring_reaches_all(name: str) -> None:
    """Nobody calls a worker, and the job that makes the tables is reached by nobody."""
    assert chosen(name, "Service", "pay") == {"pay-intake"}
    assert chosen(name, "Service", "pay-admin") == {"pay-intake", "pay-worker"}
    policies = {of: one["spec"] for (kind, of), one in rendered(name).items() if kind == "NetworkPolicy"}
    for of in policies:
        assert chosen(name, "NetworkPolicy", of) == {of}
    open_ports = {of: {rule["ports"][0]["port"] for rule in spec.get("ingress", [])} for of, spec in policies.items()}
    wanted = {"pay-intake": {"http", "admin"}, "pay-worker": {"admin"}, "pay-init": set()}
    assert open_ports == (wanted if policies else {})
    assert bool(policies) == IN_DATABASE[name].get("networkPolicy", {}).get("enabled", True)


def test_the_tables_are_made_before_pods_start() -> None:
    """By a job with the rights for it, which has what it needs before the release's own objects are there."""
    assert "pay-init" not in pods("database, bare")
    documents = rendered("database, everything")
    weights = {}
    for kind in ("ConfigMap", "NetworkPolicy", "Job"):
        notes = documents[kind, "pay-init"]["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
        weights[kind] = int(notes["helm.sh/hook-weight"])
    assert max(weights["ConfigMap"], weights["NetworkPolicy"]) < weights["Job"]
    of_pod = pods("database, everything")["pay-init"]["spec"]
    assert [one["configMap"]["name"] for one in of_pod["volumes"] if "configMap" in one] == ["pay-init"]
    assert documents["ConfigMap", "pay-init"]["data"] == documents["ConfigMap", "pay"]["data"]
    told = environ_of("database, everything", "pay-init")
    assert (told["RECEIVER_JOURNAL__URL"], told["RECEIVER_JOURNAL__DATABASE_SCHEMA"]) == (OWNERS_URL, "shop")
    assert password_in(of_pod, told["RECEIVER_JOURNAL__PASSWORD"]) == "pg-owner"
    arguments = of_pod["containers"][0]["args"]
    assert arguments[:2] == ["journal", "init"]
    said = init.make_context("init", arguments[2:]).params
    assert (said["slots"], said["allow"]) == (4, "receiver_run")
    assert environ_of("database", "pay-init")["RECEIVER_JOURNAL__URL"] == URL


@pytest.mark.parametrize(
    "url",
    [
        URL,
        OWNERS_URL,
        "postgresql:///pay?host=/run/postgresql&pooled=true",
        "postgresql://receiver:secret@db/pay",
        "postgresql://receiver@db/pay?password=secret",
        "postgresql://receiver@db/pay?sslmode=require&password=secret",
        "postgresql://receiver@db/pay?application_name=x",
        "postgresql://receiver@db",
        "postgresql://receiver@db/",
        "postgres://receiver@db/pay",
        "mysql://receiver@db/pay",
    ],
)
def test_the_chart_takes_the_urls_that_the_service_takes(url: str) -> None:
    """So that no pod has to start to find out, and no password comes to stand in a release's values."""
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    taken = re.search(schema["$defs"]["databaseUrl"]["if"]["pattern"], url) is not None
    assert taken == (url.startswith("postgresql:") and why_no_url(url) is None)


@pytest.mark.parametrize(
    ("database", "others", "says"),
    [
        ({"url": ""}, {}, "/journal/postgresql/url"),
        ({"url": "postgresql://receiver:secret@db/pay"}, {}, "without a password"),
        ({"durability": "memory"}, {}, "durability"),
        ({"password": "in clear text"}, {}, "password"),
        ({"databaseSchema": "Shop; drop"}, {}, "databaseSchema"),
        ({"init": {"url": OWNERS_URL}}, {}, "allow"),
        ({"init": {"allow": "receiver_run"}}, {}, "allow"),
        ({"init": {"slots": 0}}, {}, "slots"),
        ({}, {"persistence": {"size": "20Gi"}}, "a journal in a database needs no volume"),
        ({}, {"replicaCount": 2}, "replicaCount"),
        ({}, {"podDisruptionBudget": {"maxUnavailable": 0}}, "podDisruptionBudget"),
        ({}, {"intake": {"replicas": 0}}, "replicas"),
        ({}, {"intake": {"preStopSeconds": 0}}, "preStopSeconds"),
        ({}, {"intake": {"replicas": 1}}, "intake.minAvailable is 1 of 1 pods"),
        ({}, {"worker": {"replicas": 2, "minAvailable": 2}}, "worker.minAvailable is 2 of 2 pods"),
        ({}, {"intake": {"autoscaling": {"enabled": True, "minReplicas": 7}}}, "minReplicas is more than"),
        ({}, {"intake": {"autoscaling": {"enabled": True}, "resources": {"limits": {"cpu": 1}}}}, "requests.cpu"),
    ],
)
def test_what_contradicts_itself_is_refused(database: dict[str, Any], others: dict[str, Any], says: str) -> None:
    """With a journal in a database: a volume, a password in clear text, a budget that no node could be drained with."""
    done = template({"journal": {"engine": "postgresql", "postgresql": {"url": URL, **database}}, **others})
    assert done.returncode != 0
    assert says in done.stderr
    assert "secret@" not in done.stderr
