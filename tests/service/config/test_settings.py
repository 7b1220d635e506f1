"""The configuration: every fault is named with file or variable, key and reason, and never with a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import build, known_variables, load, resolve, resolve_client
from tests.service.config.tables import ENVIRON, OXPAY, SECRET, SWAPS, faults


def test_the_contracts_own_example_is_sound(tmp_path: Path) -> None:
    """As it is printed, defaults and all."""
    file = tmp_path / "receiver.toml"
    file.write_text(CONTRACT)
    settings = load(file)
    assert settings.kafka is not None
    defaults = build({"sources": [OXPAY], "kafka": {"bootstrap_servers": ["127.0.0.1:9092"]}}, "receiver.toml")
    for section in ("server", "admin", "journal", "quarantine"):
        assert getattr(settings, section) == getattr(defaults, section), section
    assert settings.kafka.model_copy(update={"client": {}}) == defaults.kafka
    assert [source.usual.freshness_s for source in settings.sources] == [300, 300]
    assert settings.routes[0].rule.topic == "settlement.0xpay"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"server": {"prot": 1}}, "receiver.toml: server.prot: no such key"),
        ({"nonsense": {}}, "receiver.toml: nonsense: no such key"),
        ({"server": {"port": 0}}, "receiver.toml: server.port: Input should be greater than or equal to 1"),
        ({"server": {"port": "eighty"}}, "receiver.toml: server.port: Input should be a valid integer"),
        (
            {"server": {"trusted_proxies": ["10.0.0.7", "10.0.0.1/8"]}},
            "receiver.toml: server.trusted_proxies: entry 2 is no address and no network",
        ),
        (
            {"server": {"body_bytes_max": 4_000_000, "bodies_bytes_max": 2_000_000}},
            "receiver.toml: server: bodies_bytes_max must be at least body_bytes_max",
        ),
        ({"journal": {"url": "postgres://x"}}, "receiver.toml: journal.url: "),
        ({"kafka": {}}, "receiver.toml: kafka.bootstrap_servers: Field required"),
        ({"kafka": {"bootstrap_servers": ["a:1"], "delivery": "twice"}}, "receiver.toml: kafka.delivery: "),
        ({"sources": []}, "receiver.toml: sources: List should have at least 1 item"),
        ({"sources": [OXPAY, OXPAY]}, "two sources are named 0xpay-main"),
        ({"sources": [OXPAY | {"name": "UPPER"}]}, "receiver.toml: sources.0.name: must match"),
        ({"sources": [OXPAY | {"name": "a/b"}]}, "receiver.toml: sources.0.name: must match"),
        ({"sources": [OXPAY | {"secrets": [SECRET]}]}, "sources.0.secrets.0: must be a reference"),
        (
            {"sources": [OXPAY | {"public_url": "merchant.example.com/x"}]},
            "sources.0.public_url: must be an http(s) URL",
        ),
        ({"sources": [OXPAY | {"public_url": "https://a.example.com/x#y"}]}, "sources.0.public_url: must be"),
        ({"sources": [OXPAY | {"public_url": "https://[/x"}]}, "sources.0.public_url: must be"),
        ({"sources": [OXPAY | {"public_url": "https://a.example.com:99999/x"}]}, "sources.0.public_url: must be"),
        ({"sources": [OXPAY | {"provider": "stripe"}]}, "sources.0 (0xpay-main).provider: there is 0xpay, onchainpay"),
        ({"sources": [{"name": "s"}]}, "receiver.toml: sources.0.provider: Field required"),
        ({"sources": [{"name": "s", "provider": 7}]}, "receiver.toml: sources.0.provider: Input should be a valid"),
        ({"sources": [7]}, "receiver.toml: sources.0: Input should be a valid dictionary"),
        ({"sources": [{"provider": "onchainpay"}]}, "receiver.toml: sources.0.name: Field required"),
        ({"sources": [{"provider": "calypso"}]}, "sources.0 (no name).account: required for calypso"),
        ({"sources": [OXPAY | {"colour": "red"}]}, "receiver.toml: sources.0.colour: no such key"),
        ({"sources": [OXPAY | {"keys": SWAPS["keys"]}]}, "sources.0 (0xpay-main).keys: means nothing to 0xpay"),
        ({"sources": [SWAPS | {"secrets": ["env:KEY"]}]}, "sources.0 (swaps).secrets: means nothing to onchainpay"),
        ({"sources": [{"name": "s", "provider": "onchainpay"}]}, "sources.0 (s).keys: required for onchainpay"),
        ({"sources": [OXPAY | {"secrets": []}]}, "sources.0 (0xpay-main).secrets: required for 0xpay"),
        ({"sources": [OXPAY | {"secrets": ["env:MISSING"]}]}, "secrets.0: the environment has no MISSING"),
        ({"sources": [OXPAY | {"secrets": ["file:/nowhere/x"]}]}, "secrets.0: /nowhere/x: No such file or directory"),
        ({"routes": [{"match": {"status": "failed"}, "topic": "t"}]}, "routes.0: a route by status would split"),
        ({"routes": [{"match": {"colour": "red"}, "topic": "t"}]}, "routes.0: match knows"),
        ({"routes": [{"match": {"kind": "exchange"}, "topic": "no spaces"}]}, "routes.0.topic: "),
    ],
)
def test_a_fault_names_file_key_and_reason(changes: dict[str, Any], fault: str) -> None:
    """One at a time here; all of them are given at once."""
    assert any(fault in said for said in faults({"sources": [OXPAY]} | changes)), faults({"sources": [OXPAY]} | changes)


def test_all_faults_are_given_at_once() -> None:
    """Nobody mends a file one run at a time."""
    said = faults({"sources": [OXPAY], "server": {"port": 0, "x": 1}, "admin": {"port": 99999}})
    assert len(said) == 3


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single key, and a list as JSON; the rest of the table stays."""
    monkeypatch.setenv("RECEIVER_SERVER__PORT", "9999")
    monkeypatch.setenv("RECEIVER_KAFKA__BOOTSTRAP_SERVERS", '["a:1", "b:2"]')
    document = {
        "sources": [OXPAY],
        "server": {"port": 1, "host": "::1"},
        "kafka": {"bootstrap_servers": ["c:3"], "wait_ms": 7},
    }
    settings = build(document, "receiver.toml")
    assert (settings.server.port, settings.server.host) == (9999, "::1")
    assert settings.kafka is not None
    assert (settings.kafka.bootstrap_servers, settings.kafka.wait_ms) == (["a:1", "b:2"], 7)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("RECEIVER_SERVER__PROT", "1", "environment: RECEIVER_SERVER__PROT: no such setting"),
        ("RECEIVER_TYPO", "1", "environment: RECEIVER_TYPO: no such setting"),
        ("RECEIVER_SERVER__PORT", "many", "environment: RECEIVER_SERVER__PORT: server.port: "),
        ("RECEIVER_SOURCES", "not json", "environment: "),
    ],
)
def test_a_fault_in_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    """And not the file, which is innocent."""
    monkeypatch.setenv(name, value)
    assert any(said.startswith(fault) for said in faults({"sources": [OXPAY]})), faults({"sources": [OXPAY]})


def test_sources_and_routes_come_whole_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON; a part of one is no setting."""
    monkeypatch.setenv("RECEIVER_SOURCES", orjson.dumps([SWAPS | {"name": "s"}]).decode())
    assert [source.name for source in build({"sources": [OXPAY]}, "receiver.toml").sources] == ["s"]
    assert "RECEIVER_SOURCES__NAME" not in known_variables()
    assert {"RECEIVER_KAFKA__TOPICS__PARTITIONS", "RECEIVER_CONFIG", "RECEIVER_JOURNAL__URL"} <= known_variables()


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"abc", b"abc"), (b"abc\n", b"abc"), (b"abc\r\n", b"abc"), (b"abc\n\n", b"abc\n"), (b" a ", b" a ")],
)
def test_a_secret_from_a_file_loses_one_newline(tmp_path: Path, content: bytes, secret: bytes) -> None:
    """Editors add one; nothing else is taken away."""
    (tmp_path / "s").write_bytes(content)
    assert resolve(f"file:{tmp_path / 's'}", {}) == secret


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_secret_is_an_error(content: str) -> None:
    """It would let everybody in."""
    with pytest.raises(ValueError, match="empty"):
        resolve("env:X", {"X": content})


def test_references_work_inside_the_kafka_client() -> None:
    """A password is never in the file; a fault names the key."""
    client = {"security_protocol": "SASL_SSL", "sasl_plain_password": "env:KEY", "request": 5}
    kafka = build({"sources": [OXPAY], "kafka": {"bootstrap_servers": ["a:1"], "client": client}}, "f").kafka
    assert kafka is not None
    assert resolve_client(kafka, ENVIRON)["sasl_plain_password"] == SECRET
    with pytest.raises(ConfigurationError, match=r"kafka.client.sasl_plain_password: the environment has no KEY"):
        resolve_client(kafka, {})


CONTRACT = """
[server]
host = "127.0.0.1"
port = 8080
body_bytes_max = 262144
keep_alive_s = 5
shutdown_timeout_s = 30
[admin]
host = "127.0.0.1"
port = 8081
[journal]
url = "sqlite:var/journal"
disk_free_bytes_min = 67108864
[kafka]
bootstrap_servers = ["127.0.0.1:9092"]
delivery = "exactly_once"
topic_prefix = ""
topics = { partitions = 6, replication = 1 }
client = { security_protocol = "PLAINTEXT" }
transaction_timeout_s = 15
wait_ms = 20
[quarantine]
publish_body = false
[[sources]]
name = "0xpay-main"
provider = "0xpay"
account = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
public_url = "https://merchant.example.com/webhooks/0xpay-main"
secrets = ["env:OXPAY_PRIVATE_KEY", "file:/run/secrets/oxpay_next"]
freshness_s = 300
signed_url = "host_and_path"
[[sources]]
name = "swaps"
provider = "onchainpay"
keys = [{ public = "env:ONCHAINPAY_PUBLIC", secret = "env:ONCHAINPAY_SECRET" }]
[[routes]]
match = { provider = "0xpay", family = "exchange", kind = "exchange" }
topic = "settlement.0xpay"
also = false
"""
