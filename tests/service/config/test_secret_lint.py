"""What is odd about a secret is said with its key and reference, and never with its value."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.settings import build

SECRET = b"k3y-0f-a-provider"


def odd(secret: bytes, folder: Path) -> list[str]:
    """What is said of a source whose secret is in a file."""
    file = folder / "secret"
    file.write_bytes(secret)
    keys = [{"public": "env:PUBLIC", "secret": f"file:{file}"}]
    settings = build({"sources": [{"name": "swaps", "provider": "onchainpay", "keys": keys}]}, "here")
    return odd_secrets(settings, {"PUBLIC": "p"})


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        (SECRET + b"\n\n", "ends with an empty line"),
        (SECRET + b"\r\n\r\n", "ends with an empty line"),
        (b"\n" + SECRET, "begins with an empty line"),
        (SECRET + b" ", "a space or tab around it"),
        (SECRET + b" \n", "a space or tab around it"),
        (b"\t" + SECRET, "a space or tab around it"),
        (b"   ", "nothing but spaces"),
        (codecs.BOM_UTF8 + SECRET, "byte order mark"),
        (SECRET.decode().encode("utf-16"), "UTF-16"),
        (b"old\nnew", "more than one line"),
        (b"old\rnew", "more than one line"),
        (b"k\x00y", "control character"),
        ("key\u00a0".encode(), "invisible character"),
        ("\u200bkey".encode(), "invisible character"),
        (b'"' + SECRET + b'"', "quotation marks"),
        (b"'" + SECRET + b"'\n", "quotation marks"),
    ],
)
def test_what_no_provider_gives_is_named(secret: bytes, what: str, tmp_path: Path) -> None:
    """Every callback would be refused for it."""
    (said,) = odd(secret, tmp_path)
    assert said.startswith(f"sources.0 (swaps).keys.0.secret: the secret behind file:{tmp_path}/secret ")
    assert what in said
    assert SECRET.decode() not in said


@pytest.mark.parametrize(
    "secret", [SECRET, SECRET + b"\n", SECRET + b"\r\n", b"two words", "schlüssel".encode(), b"\xff\xf0", b'"', b"'a\""]
)
def test_what_may_be_a_secret_is_left_alone(secret: bytes, tmp_path: Path) -> None:
    """One trailing newline is a file's own, as it was always dropped."""
    assert odd(secret, tmp_path) == []


def test_every_reference_is_looked_at_and_those_that_lead_nowhere_are_others_to_name() -> None:
    """Of polls, of retired secrets and of Kafka too; a certificate has lines."""
    pem = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"
    settings = build(
        {
            "kafka": {
                "bootstrap_servers": ["a:1"],
                "client": {"sasl_plain_password": "env:ODD", "cert": "env:PEM", "security_protocol": "SASL_SSL"},
            },
            "sources": [
                {
                    "name": "swaps",
                    "provider": "onchainpay",
                    "keys": [{"public": "env:FINE", "secret": "env:NONE"}],
                    "retired_secrets": ["env:ODD"],
                    "poll": {"key": {"public": "env:FINE", "secret": "env:ODD"}},
                }
            ],
        },
        "here",
    )
    said = odd_secrets(settings, {"ODD": " x", "FINE": "x", "PEM": pem})
    assert [line.partition(": ")[0] for line in said] == [
        "sources.0 (swaps).retired_secrets.0",
        "sources.0 (swaps).poll.key.secret",
        "kafka.client.sasl_plain_password",
    ]
