"""What ``init`` wrote for a person to replace is a fault as long as it is there, with what to put in its place."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.providers.registry import built_in
from receiver.service.config.placeholders import placeholders_left, refuse_placeholders
from receiver.service.config.settings import build
from receiver.service.config.template import configuration
from tests.service.config.tables import CALYPSO, ORDERS, OXPAY, POLL, SWAPS


def left(*sources: dict[str, Any]) -> list[str]:
    """The faults of a configuration with these sources."""
    return placeholders_left(build({"sources": list(sources)}, "receiver.toml"))


def test_all_that_init_writes_is_named_with_what_to_put() -> None:
    """Every placeholder of every provider."""
    document = tomllib.loads(configuration(built_in()))
    faults = placeholders_left(build(document, "receiver.toml"))
    assert [fault.partition(":")[0] for fault in faults] == [
        "sources.0 (0xpay-main).account",
        "sources.0 (0xpay-main).public_url",
        "sources.2 (calypso).account",
        "sources.3 (orders).poll.base_url",
    ]
    assert all(" is what `receiver init` wrote; put the " in fault or "; put your " in fault for fault in faults)
    with pytest.raises(ConfigurationError) as refused:
        refuse_placeholders(build(document, "receiver.toml"))
    assert refused.value.faults == faults


@pytest.mark.parametrize("account", ["00000000-0000-0000-0000-000000000000", "0", "0000", "0x0", "0X" + "0" * 40])
def test_no_account_is_nothing_but_zeros(account: str) -> None:
    """However many, and however they are grouped."""
    assert len(left(OXPAY | {"account": account})) == 1
    assert len(left(CALYPSO | {"account": account})) == 1


@pytest.mark.parametrize(
    "url", ["https://YOUR-DOMAIN.example/hooks/other", "https://your-domain.example./x", "https://a.b.invalid/x"]
)
def test_a_host_that_cannot_be_is_a_placeholder_whatever_the_path(url: str) -> None:
    """Nobody can register such a name."""
    assert len(left(OXPAY | {"public_url": url})) == 1
    assert len(left(ORDERS | {"poll": POLL | {"base_url": url}})) == 1


def test_what_is_filled_in_is_none() -> None:
    """Also what only looks like one."""
    orders = ORDERS | {"poll": POLL | {"base_url": "https://orders.shop.test"}}
    oxpay = OXPAY | {"account": "3f0c9a52-0000-0000-0000-000000000000", "public_url": "https://example-shop.io/x"}
    assert left(OXPAY | {"account": "http://[", "public_url": "https://hooks.shop.test/x"}) == []  # and that is no URL
    assert left(oxpay, SWAPS, CALYPSO | {"account": "0x00000000000000000000000000000000000000A1"}, orders) == []
    refuse_placeholders(build({"sources": [SWAPS]}, "receiver.toml"))
