"""What is wrong with a source is said at its key, by the provider's own model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.config.tables import API_KEY, CALYPSO, ORDERS, OXPAY, POLL, SECRET, SWAPS, faults
from tests.service.config.test_sources import access_of


@pytest.mark.parametrize("missing", ["account", "public_url", "secrets"])
def test_what_0xpay_cannot_do_without(missing: str) -> None:
    """Each is named."""
    source = {key: value for key, value in OXPAY.items() if key != missing}
    assert faults({"sources": [source]}) == [f"sources.0 (0xpay-main).{missing}: required for 0xpay"]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (CALYPSO | {"poll": {}}, "poll.key: required for calypso"),
        (CALYPSO | {"poll": None}, "keys: required for calypso"),
        (CALYPSO | {"poll": 7}, "poll: Input should be a valid dictionary"),
        (CALYPSO | {"account": None}, "account: required for calypso"),
        (SWAPS | {"keys": [], "poll": {}}, "poll.key: required where the source has no `keys`"),
        (SWAPS | {"poll": {"auth_header": "x"}}, "poll.auth_header: means nothing to onchainpay"),
        (SWAPS | {"poll": {"base_url": "http://ocp.example.com"}}, "poll.base_url: must be https"),
        (SWAPS | {"poll": {"base_url": "ftp://x"}}, "poll.base_url: must be an https URL"),
        (SWAPS | {"poll": {"nonsense": 1}}, "poll.nonsense: no such key"),
        (OXPAY | {"poll": {}}, "poll: means nothing to 0xpay"),
        ({"name": "o", "provider": "cryptoexchange"}, "poll: required for cryptoexchange"),
        (ORDERS | {"poll": {"base_url": "https://a"}}, "poll.statuses: required for cryptoexchange"),
        (ORDERS | {"poll": POLL | {"fields": {"id": "id", "x": "y"}}}, "poll.fields: lacks status"),
        (ORDERS | {"poll": POLL | {"fields": {"id": "id", "x": "y"}}}, "poll.fields: no such name: x"),
        (ORDERS | {"poll": POLL | {"statuses": {"ok": "succeeded"}}}, "poll.statuses.ok"),
        (ORDERS | {"poll": POLL | {"order_path": "/orders"}}, "poll.order_path"),
        (ORDERS | {"poll": POLL | {"list_path": "/c/{customer}"}}, "poll.customers: required with `list_path`"),
        (ORDERS | {"poll": POLL | {"secret": SECRET}}, "poll.secret: must be a reference"),
        (ORDERS | {"keys": [API_KEY]}, "keys: means nothing to cryptoexchange"),
    ],
)
def test_a_fault_in_how_an_api_is_asked_is_named(source: dict[str, Any], fault: str) -> None:
    """An adapter that is not described whole does not start."""
    assert any(fault in said for said in faults({"sources": [source]})), faults({"sources": [source]})


def test_an_api_on_this_machine_may_be_asked_without_tls() -> None:
    """For a fake one."""
    for host in ("127.0.0.1:9", "localhost:9", "[::1]:9"):
        assert access_of(SWAPS | {"poll": {"base_url": f"http://{host}/x"}}).base_url == f"http://{host}/x"
