"""What is configured is listed with where it came from, and no secret is in it."""

from __future__ import annotations

from datetime import time

import pytest

from receiver.console.desk import Setting
from receiver.service.config.listing import HIDDEN, configuration
from receiver.service.config.settings import build

PASSWORD, SECRET = "the-kafka-password", "the-webhook-secret"
DOCUMENT = {
    "server": {"port": 9000},
    "kafka": {"bootstrap_servers": ["h:1"], "client": {"sasl_plain_password": PASSWORD, "client_id": "shop"}},
    "sources": [
        {
            "name": "swaps",
            "provider": "onchainpay",
            "keys": [{"public": "env:PUBLIC", "secret": "env:SECRET"}, {"public": "env:GONE", "secret": "env:AWAY"}],
        }
    ],
    "routes": [{"match": {"family": "exchange"}, "topic": "shop", "also": True}],
}
ENVIRON = {"PUBLIC": "a public key", "SECRET": SECRET, "RECEIVER_SERVER__KEEP_ALIVE_S": "7"}


def listed(monkeypatch: pytest.MonkeyPatch, *withheld: str) -> dict[str, Setting]:
    """Key → how it is listed."""
    monkeypatch.setenv("RECEIVER_SERVER__KEEP_ALIVE_S", "7")
    found = configuration(build(DOCUMENT, "here"), ENVIRON, "receiver.toml", withheld)
    assert SECRET not in str(found)
    assert PASSWORD not in str(found)
    return {one.key: one for one in found.settings}


def test_each_value_says_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the environment, or nobody."""
    rows = listed(monkeypatch)
    assert (rows["server.port"].value, rows["server.port"].origin) == ("9000", "file")
    assert (rows["server.keep_alive_s"].value, rows["server.keep_alive_s"].origin) == ("7", "environment")
    assert rows["server.host"].origin == "default"
    assert rows["routes.0.match.family"].value == "exchange"


def test_a_secret_is_only_said_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a public half its fingerprint; a password that stands in the configuration itself is not shown."""
    rows = listed(monkeypatch)
    assert rows["sources.0.keys.0.secret"] == Setting("sources.0.keys.0.secret", "env:SECRET", "file", "resolves")
    assert rows["sources.0.keys.0.public"].about.startswith("resolves; key ")
    assert rows["sources.0.keys.1.public"].about == "the environment has no GONE"
    assert rows["kafka.client.sasl_plain_password"].value == HIDDEN
    assert rows["kafka.client.client_id"].value == "shop"


def test_what_a_process_was_not_given_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not there by intent."""
    rows = listed(monkeypatch, "AWAY")
    assert rows["sources.0.keys.1.secret"].about == "not given to the console's process"


def test_faults_and_versions_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `receiver check` would say, and what runs."""
    found = configuration(build(DOCUMENT, "here"), ENVIRON, "receiver.toml")
    assert any("GONE" in fault for fault in found.faults)
    assert any("the password itself stands" in line for line in found.advice)
    assert set(found.versions) >= {"Python", "apsw", "exchange-webhook-receiver"}
    assert found.routes == [{"match": {"family": "exchange"}, "topic": "shop", "also": True}]


@pytest.mark.parametrize("value", [10**30, [10**30, "é"], {"at": time(9, 30)}], ids=["number", "list", "time"])
def test_whatever_a_file_can_say_is_shown(value: object) -> None:
    """TOML has numbers of any size, and times, also where the configuration wants none."""
    document = {**DOCUMENT, "kafka": {"bootstrap_servers": ["localhost:9092"], "client": {"client_id": value}}}
    shown = {one.key: one.value for one in configuration(build(document, "here"), ENVIRON, "receiver.toml").settings}
    assert any(str(10**30) in text or "09:30" in text for key, text in shown.items() if key.startswith("kafka.client"))
