"""Settings that are allowed and dangerous are named, each with its reason; the defaults are none of them."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.service.config.exposure import exposures
from receiver.service.config.settings import build
from tests.service.config.tables import CALYPSO, OXPAY, SWAPS

SAFE = OXPAY | {"public_url": "https://hooks.shop.test/x"}
FAR = ["broker-1:9092"]


def said(document: dict[str, Any]) -> list[str]:
    """The advice on a configuration."""
    return [str(one) for one in exposures(build({"sources": [SAFE]} | document, "receiver.toml"))]


def test_the_defaults_are_safe() -> None:
    """With a broker on this machine too."""
    assert said({"sources": [SAFE, SWAPS], "kafka": {"bootstrap_servers": ["127.0.0.1:9092", "[::1]:9092"]}}) == []


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"admin": {"host": "0.0.0.0"}}, "warning: admin.host: 0.0.0.0 is not loopback"),  # noqa: S104
        ({"admin": {"host": "::"}}, "warning: admin.host: "),
        ({"console": {"enabled": True, "hosts": ["a.example"]}}, "warning: console.hosts: whoever reaches it as a.exa"),
        ({"console": {"enabled": True, "host": "10.0.0.7", "token": "env:T"}}, "note: console.host: 10.0.0.7 is not"),
        ({"server": {"host": "0.0.0.0"}}, "note: server.host: where no proxy stands before 0.0.0.0"),  # noqa: S104
        ({"server": {"keep_alive_s": 3600}}, "warning: server.keep_alive_s: 3600 s"),
        ({"server": {"body_bytes_max": 16 * 1024 * 1024}}, "warning: server.body_bytes_max: 16777216 bytes"),
        ({"journal": {"disk_free_bytes_min": 0}}, "warning: journal.disk_free_bytes_min: 0 bytes"),
        ({"journal": {"retention_days": 0}}, "note: journal.retention_days: "),
        ({"rejects": {"kept_max": 100_000}}, "warning: rejects.kept_max: 100000 "),
        ({"quarantine": {"publish_body": True}}, "warning: quarantine.publish_body: bodies, with whole card numbers"),
        ({"sources": [SAFE | {"freshness_s": 86_400}]}, "warning: sources.0 (0xpay-main).freshness_s: 86400 s"),
        (
            {"sources": [SAFE | {"public_url": "http://hooks.shop.test/x"}]},
            "warning: sources.0 (0xpay-main).public_url",
        ),
        ({"sources": [OXPAY]}, "warning: sources.0 (0xpay-main).public_url: a.example.com is a name for examples"),
        (
            {"sources": [CALYPSO | {"poll": CALYPSO["poll"] | {"base_url": "http://127.0.0.1:1"}}]},
            "warning: sources.0 (c).poll.base_url: http://127.0.0.1:1 is asked in clear",
        ),
    ],
    ids=lambda given: "" if isinstance(given, dict) else given.partition(" is ")[0],
)
def test_each_is_named_with_its_value(document: dict[str, Any], line: str) -> None:
    """One line for one setting."""
    (found,) = said(document)
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("kafka", "lines"),
    [
        (
            {"bootstrap_servers": FAR, "client": {"security_protocol": "SASL_PLAINTEXT"}, "topics": {"replication": 3}},
            ["warning: kafka.client.security_protocol: SASL_PLAINTEXT sends the password"],
        ),
        (
            {"bootstrap_servers": ["127.0.0.1:1", "10.0.0.1:9092"], "topics": {"replication": 3}},
            ["note: kafka.client.security_protocol: all events go to 10.0.0.1:9092 in clear"],
        ),
        ({"bootstrap_servers": ["127.0.0.1:1"], "client": {"security_protocol": "SASL_PLAINTEXT"}}, []),
        ({"bootstrap_servers": FAR, "client": {"security_protocol": "SASL_SSL"}, "topics": {"replication": 3}}, []),
        (
            {"bootstrap_servers": ["localhost:1"], "client": {"sasl_plain_password": "made-up-in-the-file"}},
            ["warning: kafka.client.sasl_plain_password: the password itself stands in the configuration"],
        ),
        ({"bootstrap_servers": ["localhost:1"], "client": {"sasl_plain_password": "env:PASSWORD"}}, []),
        (
            {"bootstrap_servers": FAR, "client": {"security_protocol": "SSL"}},
            ["note: kafka.topics.replication: topics that"],
        ),
        ({"bootstrap_servers": ["localhost:1"], "delivery": "at_least_once"}, ["note: kafka.delivery: "]),
    ],
)
def test_who_can_read_along_to_kafka(kafka: dict[str, Any], lines: list[str]) -> None:
    """A broker on this machine is nobody else's business; no password is shown."""
    found = said({"kafka": kafka})
    assert len(found) == len(lines)
    assert all(one.startswith(line) for one, line in zip(found, lines, strict=True))
    assert not any("made-up-in-the-file" in one for one in found)
