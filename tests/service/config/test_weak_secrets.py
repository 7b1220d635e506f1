"""Secrets that protect nothing are named by their place, and never shown."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

import pytest

from receiver.providers.registry import providers
from receiver.service.config.settings import build
from receiver.service.config.weak_secrets import weak_secrets
from tests.service.config.tables import API_KEY, CALYPSO, OXPAY, SWAPS

GOOD = ["k3Vq9ZtB7mXc2LwR", "p8Hs5YnD4jGf6TaE1uKo", "9d1f0c7ab34e5862", "Zr7!mQ2@xW9#bK4$", "!@#$%^&*()_+{}|:<>?a"]
PUBLIC = "made-up-public-7f3a"


def said(*sources: dict[str, Any], kafka: dict[str, Any] | None = None, **environ: str) -> list[str]:
    """The advice on these sources; no value is in it."""
    document: dict[str, Any] = {"sources": list(sources)}
    if kafka is not None:
        document["kafka"] = {"bootstrap_servers": ["127.0.0.1:9092"], "client": kafka}
    lines = [str(one) for one in weak_secrets(build(document, "receiver.toml"), environ)]
    assert not [line for line in lines if any(len(value) > 7 and value in line for value in environ.values())]
    return lines


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("a", "fewer than 16 bytes"),
        ("k3Vq9ZtB7mXc2Lw", "fewer than 16 bytes"),
        ("changeme", "a word that stands for a secret"),
        ("Change-Me-Please", "a word that stands for a secret"),
        ("CHANGE_ME_0123456", "a word that stands for a secret"),
        ("your-secret-key-here", "a word that stands for a secret"),
        ("<your secret>", "a word that stands for a secret"),
        ("MySuperSecretKey", "a word that stands for a secret"),
        ("TODO", "a word that stands for a secret"),
        ("passwordpassword", "a word that stands for a secret"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the same few characters"),
        ("aaaaaaaaaaaaabcdefg", "the same few characters"),
        ("k3Vq9ZtB7mXc2LwRk3Vq9ZtB7mXc2LwR", "the same few characters"),
        ("1234567890123456", "a run of"),
        ("zyxwvutsrqponmlkj", "a run of"),
        ("qwertyuiopasdfghjkl", "a run of"),
        ("0123456789abcdef0123456789abcdeF", "a run of"),
        (PUBLIC, "equals a public key"),
        ("made-up-0xpay-private-key", "made-up one of `receiver dev`"),
    ],
)
def test_a_weak_secret_is_named(secret: str, why: str) -> None:
    """With its place, its reference, the reason, and what to do."""
    (line,) = said(SWAPS, PUBLIC=PUBLIC, KEY=secret)
    assert line.startswith("warning: sources.0 (swaps).keys.0.secret: the secret behind env:KEY ")
    assert why in line
    assert line.endswith("while it rotates")


@pytest.mark.parametrize("secret", GOOD)
def test_a_good_secret_says_nothing(secret: str) -> None:
    """Nor does one that is not there: that is a fault, named elsewhere."""
    assert said(SWAPS, PUBLIC=PUBLIC, KEY=secret) == []
    assert said(SWAPS, PUBLIC=PUBLIC) == []


def test_what_chance_makes_is_good() -> None:
    """Hex and letters, of the least length that is let pass."""
    chance = random.Random(5)
    for alphabet in ("0123456789abcdef", string.ascii_letters + string.digits):
        for _ in range(100):
            secret = "".join(chance.choice(alphabet) for _ in range(20))
            assert said(SWAPS, PUBLIC=PUBLIC, KEY=secret) == [], secret


def test_every_made_up_secret_is_known() -> None:
    """Of each provider that has samples: everybody can read them."""
    for provider in providers().values():
        for name, value in (provider.samples.made_up.secrets if provider.samples else {}).items():
            if not name.endswith("PUBLIC_KEY"):
                assert said(SWAPS, PUBLIC=PUBLIC, KEY=value), name


def test_a_secret_is_none_of_what_others_know() -> None:
    """Account, name, URL, and another source's public key."""
    url = OXPAY["public_url"]
    assert "account or URL" in said(OXPAY | {"account": GOOD[0]}, KEY=GOOD[0])[0]
    assert "account or URL" in said(OXPAY, KEY=url)[0]
    assert "equals a public key" in said(SWAPS, PUBLIC="pk", KEY="pk")[0]
    both = said(OXPAY | {"secrets": ["env:OTHER"]}, SWAPS, PUBLIC=PUBLIC, KEY=GOOD[0], OTHER=PUBLIC)
    assert len(both) == 1
    assert both[0].startswith("warning: sources.0 (0xpay-main).secrets.0: the secret behind env:OTHER equals a public")


def test_one_secret_in_two_sources_is_named_once_with_both() -> None:
    """By value, whatever it is called; Kafka's password counts too."""
    oxpay = OXPAY | {"secrets": ["env:OTHER"]}
    (line,) = said(oxpay, SWAPS, PUBLIC=PUBLIC, KEY=GOOD[0], OTHER=GOOD[0])
    assert line.startswith("warning: sources.0 (0xpay-main).secrets.0: ")
    assert "that of sources.1 (swaps).keys.0.secret too" in line
    client = {"security_protocol": "SASL_SSL", "sasl_plain_username": "u", "sasl_plain_password": "env:PASSWORD"}
    (line,) = said(SWAPS, kafka=client, PUBLIC=PUBLIC, KEY=GOOD[0], PASSWORD=GOOD[0])
    assert "that of kafka.client.sasl_plain_password too" in line


def test_in_one_source_only_what_makes_no_sense_is_said() -> None:
    """A retired secret that is live, and one that is listed twice; one pair for callbacks and API may well be meant."""
    retired = SWAPS | {"retired_secrets": ["env:OLD"]}
    (line,) = said(retired, PUBLIC=PUBLIC, KEY=GOOD[0], OLD=GOOD[0])
    assert "sources.0 (swaps).retired_secrets.0: the secret behind env:OLD is live still" in line
    (line,) = said(OXPAY | {"secrets": ["env:KEY", "env:OTHER"]}, KEY=GOOD[0], OTHER=GOOD[0])
    assert "sources.0 (0xpay-main).secrets.1: repeats sources.0 (0xpay-main).secrets.0" in line
    same = CALYPSO | {"keys": [{"public": "env:PUBLIC", "secret": "env:KEY"}], "poll": {"key": API_KEY}}
    assert said(same, PUBLIC=PUBLIC, KEY=GOOD[0], API=PUBLIC, API_SECRET=GOOD[0]) == []
    assert said(retired, PUBLIC=PUBLIC, KEY=GOOD[0], OLD="a") == []


def test_a_pem_is_judged_by_its_own_rules(tmp_path: Path) -> None:
    """It has lines and long runs of one letter, and is a key all the same."""
    pem = tmp_path / "key.pem"
    pem.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
    client = {"security_protocol": "SSL", "ssl_password": f"file:{pem}"}
    assert said(SWAPS, kafka=client, PUBLIC=PUBLIC, KEY=GOOD[0]) == []
