"""What is configured for the client: each fault is named by its key, with what is allowed, and never with a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.publish.kafka.options import option_faults, option_notes, tls_context

HERE = Path(__file__).parent / "certificates"
SECRET = "s3cret-of-a-test"


def faults(client: dict[str, Any]) -> str:
    """Of a client of one sound address."""
    return "\n".join(option_faults(["kafka:9092"], client))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://kafka:9092", "'http://kafka:9092' begins with a scheme: leave that out"),
        ("SASL_SSL://kafka:9092", "begins with a scheme"),
        ("kafka:port", "'kafka:port' has no number for a port"),
        ("kafka:", "has no number for a port"),
        ("kafka:9092/", "has no number for a port"),
        ("kafka:٩٠٩٢", "has no number for a port"),
        ("kafka:-1", "has no number for a port"),
        (":9092", "':9092' names no host"),
        ("", "'' is no address"),
        ("   ", "is no address"),
        ("kafka:0", "must be from 1 to 65535"),
        ("kafka:65536", "must be from 1 to 65535"),
        ("kafka:99999999999999999999", "must be from 1 to 65535"),
        ("::1", "brackets"),
        ("fe80::1:9092", "brackets"),
        ("[::1", "is no address"),
        ("ka fka:9092", "is no address"),
        ("a:9092,b:9092", "each is a string of its own"),
    ],
)
def test_an_address_that_cannot_be_is_named(address: str, says: str) -> None:
    """Before anything connects; ``relay.bug`` for ever is what came of it."""
    (fault,) = option_faults([address], {})
    assert fault.startswith("kafka.bootstrap_servers: ")
    assert says in fault


@pytest.mark.parametrize(
    "address",
    ["kafka:9092", "kafka", "broker_1.internal:1", "10.0.0.1:65535", "[::1]:9092", "[::1]", "kafka.local.:9092"],
)
def test_an_address_that_can_be_is_taken(address: str) -> None:
    """A name, an address of either kind, with its port or Kafka's own."""
    assert option_faults([address], {}) == []


def test_what_may_hold_a_password_is_not_shown() -> None:
    """An address is no place for one, and people put it there."""
    (fault,) = option_faults([f"http://user:{SECRET}@kafka:9092"], {})
    assert SECRET not in fault


SASL = {"security_protocol": "SASL_SSL", "sasl_plain_username": "u", "sasl_plain_password": SECRET}


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ({"security_protocol": "SASL-SSL"}, "'SASL-SSL' is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL; SASL_SSL"),
        ({"security_protocol": "sasl_ssl"}, "SASL_SSL is meant?"),
        ({"security_protocol": "TLS"}, "'TLS' is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ({**SASL, "sasl_mechanism": "OAUTHBEARER"}, "OAUTHBEARER is not supported: it needs a provider of tokens"),
        ({"sasl_oauth_token_provider": "x"}, "OAUTHBEARER is not supported"),
        ({**SASL, "sasl_mechanism": "SCRAM_SHA_256"}, "SCRAM-SHA-256 is meant?"),
        ({**SASL, "sasl_mechanism": "AWS_MSK_IAM"}, "is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI"),
        ({**SASL, "sasl_mechanism": "GSSAPI"}, "needs the Python package `gssapi`"),
        ({"security_protocol": "SASL_SSL"}, "kafka.client.sasl_plain_password: it is missing"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "sasl_plain_username: it is missing; SASL_PLAINTEXT with"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512"}, "SASL_SSL with SCRAM-SHA-512 needs it"),
        ({**SASL, "sasl_plain_password": 5}, "sasl_plain_password: it must be a text, and is of the type int"),
        ({**SASL, "sasl_plain_username": ""}, "kafka.client.sasl_plain_username: it is empty"),
        ({"metadata_max_age_ms": "5"}, "kafka.client.metadata_max_age_ms: '5' cannot be"),
        ({"metadata_max_age_ms": True}, "kafka.client.metadata_max_age_ms: True cannot be"),
        ({"retry_backoff_ms": 0}, "it must be a whole number of ms, 1 to 2147483647"),
        ({"metadata_max_age_ms": 10**20}, "it must be a whole number of ms, 1 to 2147483647"),
        ({"ssl_cafile": "/nowhere.pem"}, "ssl_cafile: the certificates cannot be used: /nowhere.pem: No such"),
        ({"ssl_keyfile": str(HERE / "sound.pem")}, "kafka.client.ssl_certfile: it is missing"),
        ({"nonsense": 1}, "kafka.client.nonsense: no such option; there are client_id"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_named(client: dict[str, Any], says: str) -> None:
    """By key and value, with what is allowed."""
    assert says in faults(client)
    assert SECRET not in faults(client)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
def test_what_is_whole_is_taken(protocol: str, mechanism: str) -> None:
    """Each login that the client can do here."""
    assert faults({**SASL, "security_protocol": protocol, "sasl_mechanism": mechanism}) == ""


def test_all_faults_are_named_at_once() -> None:
    """Nobody mends a configuration one start at a time."""
    found = option_faults(["http://a", ":1"], {"nonsense": 1, "security_protocol": "SASL_SSL"})
    assert len(found) == 5


def test_what_does_nothing_is_said() -> None:
    """A password that is never sent is seldom meant."""
    notes = option_notes({"sasl_plain_password": SECRET, "ssl_cafile": "x"})
    assert [note.partition(" ")[0] for note in notes] == ["kafka.client.sasl_plain_password", "kafka.client.ssl_cafile"]
    assert SECRET not in "".join(notes)
    assert option_notes(SASL) == []


def test_a_certificate_that_is_none_is_named_without_its_text(tmp_path: Path) -> None:
    """And a key with a password is not asked for on the terminal."""
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(ConfigurationError, match="the certificates cannot be used"):
        tls_context({"ssl_certfile": str(tmp_path / "key.pem")})
    assert tls_context({"ssl_cafile": str(HERE / "authority.pem")}).check_hostname
