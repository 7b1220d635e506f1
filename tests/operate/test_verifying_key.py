"""The key that verified a callback is named, and nothing of a secret is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from receiver.model.callback import VerifiedCallback
from receiver.operate.verifying_key import NONE_LIVE, verifying_key
from receiver.providers.contract import Sources
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.operate.desk import exchange
from tests.support import NOW_S, onchainpay_source, oxpay_source

URL = "https://merchant.example.com/webhooks/0xpay-main"
NEXT = replace(oxpay_source(URL), secrets=(b"older", b"newer"))
SOURCES: Sources = {"0xpay-main": (zeroxpay.PROVIDER, NEXT), "swaps": (onchainpay.PROVIDER, onchainpay_source())}


def signed(source: str, body: bytes, secret: bytes | None = None) -> VerifiedCallback:
    """A callback, signed with one secret where it is named."""
    provider, found = SOURCES[source]
    found = found if secret is None else replace(found, secrets=(secret,))
    return VerifiedCallback(source, NOW_S * 1_000_000, tuple(provider.sign(body, found, NOW_S)), body)


def test_a_secret_is_named_by_its_place() -> None:
    """One that is live no more is none."""
    names = [
        verifying_key(signed("0xpay-main", exchange("a"), secret), SOURCES) for secret in (b"older", b"newer", b"x")
    ]
    assert names == ["secrets.0", "secrets.1", NONE_LIVE]


def test_a_secret_that_was_retired_is_named_where_no_live_one_verifies() -> None:
    """By its place too, also where the provider names its key; a live one comes first."""
    retired = (b"older", b"oldest")
    names = [
        verifying_key(signed("0xpay-main", exchange("a"), secret), SOURCES, retired)
        for secret in (b"older", b"oldest", b"x")
    ]
    assert names == ["secrets.0", "retired_secrets.1", NONE_LIVE]
    public = next(iter(SOURCES["swaps"][1].keys))
    provider, source = SOURCES["swaps"]
    headers = tuple(provider.sign(b"{}", replace(source, keys={public: (b"oldest",)}), NOW_S))
    callback = replace(signed("swaps", b"{}"), headers=headers)
    assert verifying_key(callback, SOURCES, retired) == "retired_secrets.1"


def test_a_key_is_named_by_a_fingerprint_of_its_public_half() -> None:
    """Eight digits of it."""
    public = next(iter(SOURCES["swaps"][1].keys))
    assert verifying_key(signed("swaps", b"{}"), SOURCES) == hashlib.sha256(public).hexdigest()[:8]


def test_of_a_source_that_is_not_configured_nothing_is_said() -> None:
    """Its secrets are not at hand."""
    assert verifying_key(replace(signed("swaps", b"{}"), source="gone"), SOURCES) is None
