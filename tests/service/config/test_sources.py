"""From a configured source to one that can verify, its references resolved."""

from __future__ import annotations

from typing import Any

from receiver.providers.calls import Access
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.service.config.settings import build
from receiver.service.config.sources import resolve_sources
from tests.service.config.tables import API_KEY, CALYPSO, ENVIRON, ORDERS, OXPAY, SECRET, SWAPS


def test_secrets_never_show() -> None:
    """Not in the settings, not in a source's text."""
    settings = build({"sources": [OXPAY, SWAPS]}, "receiver.toml")
    sources = resolve_sources(settings, ENVIRON)
    assert SECRET not in repr(settings) + repr(sources)
    assert sources["0xpay-main"][1].secrets == (SECRET.encode(),)
    assert sources["swaps"][1].keys == {b"made-up-public": (SECRET.encode(),)}


def test_two_pairs_with_one_public_key_are_both_live() -> None:
    """A secret rotates under its key."""
    pairs = [{"public": "env:PUBLIC", "secret": "env:KEY"}, {"public": "env:PUBLIC", "secret": "env:NEXT"}]
    settings = build({"sources": [SWAPS | {"keys": pairs}]}, "f")
    keys = resolve_sources(settings, ENVIRON | {"NEXT": "next"})["swaps"][1].keys
    assert keys == {b"made-up-public": (SECRET.encode(), b"next")}


def access_of(source: dict[str, Any]) -> Access:
    """How its API is reached."""
    access = resolve_sources(build({"sources": [source]}, "f"), ENVIRON | {"API": "api", "API_SECRET": "s"})
    found = access[source["name"]][1].access
    assert found is not None
    return found


def test_an_api_is_asked_with_the_pair_of_its_callbacks_unless_it_has_its_own() -> None:
    """OnchainPay's are one; a white label has another base URL, whose trailing slash is dropped."""
    mine = access_of(SWAPS | {"poll": {}})
    assert (mine.base_url, mine.public, mine.secret) == (onchainpay.API.base_url, b"made-up-public", SECRET.encode())
    other = access_of(SWAPS | {"poll": {"key": API_KEY, "base_url": "https://app.example.com/api-gateway/"}})
    assert (other.base_url, other.public, other.secret) == ("https://app.example.com/api-gateway", b"api", b"s")
    assert resolve_sources(build({"sources": [SWAPS]}, "f"), ENVIRON)["swaps"][1].access is None


def test_a_source_that_is_only_asked_needs_no_keys_of_callbacks() -> None:
    """Calypso's exchanges have none; whoever calls it is refused."""
    assert access_of(CALYPSO).account == "0x1"
    found = resolve_sources(build({"sources": [CALYPSO]}, "f"), ENVIRON | {"API": "a", "API_SECRET": "b"})
    assert found["c"][1].keys == {}
    described = access_of(ORDERS).settings
    assert (described.method, described.statuses) == ("GET", {"ok": "completed"})
