"""What holds for what goes between the house and any provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from receiver.model.callback import RawCallback
from receiver.model.exact_json import read_json
from receiver.providers.calls import Access, Stamp
from receiver.providers.calypso import api as calypso_api
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Api, Provider, Source, refusal
from receiver.providers.cryptoexchange import api as order_api
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import CALYPSO_VECTORS, NOW_S, calypso_source, onchainpay_source, order_source, oxpay_source

ACCOUNT = "0x52908400098527886E0F7030069857D2E4169EE7"


KEYS = CALYPSO_VECTORS["keys"]["api-doc-sample"]


CALYPSO = Access("https://api.calypso.money", ACCOUNT, KEYS["public"].encode(), KEYS["secret"].encode())


STAMP = Stamp(1754906400000, 1749475109413)


SWAPS = onchainpay.API


EXCHANGES = calypso_api.API


def test_a_secret_is_never_printed() -> None:
    """Neither of an access nor of a call."""
    shown = f"{CALYPSO!r} {EXCHANGES.get('1', CALYPSO, STAMP)!r} {order_source().access!r}"
    assert KEYS["secret"] not in shown
    assert "Sign" not in shown
    assert "order-token" not in shown


@pytest.mark.parametrize(
    ("api", "reason", "body", "found"),
    [
        (SWAPS, "unknown_status", {"id": "s-1", "status": "SWAPPING"}, "s-1"),
        (SWAPS, "schema", {"id": "s-1"}, "s-1"),
        (SWAPS, "schema", {"webhookId": "w", "data": {"id": "s-2"}}, "s-2"),
        (SWAPS, "schema", {"id": 7}, None),
        (SWAPS, "schema", [], None),
        (SWAPS, "unknown_kind", {"id": "w-1", "txId": "t"}, None),
        (SWAPS, "account_mismatch", {"id": "s-1"}, None),
        (EXCHANGES, "unknown_kind", {"eventType": "EXCHANGE_COMPLETED", "data": {"id": 7}}, "7"),
        (EXCHANGES, "unknown_kind", {"data": {"type": "EXCHANGE_X", "id": "8"}}, "8"),
        (EXCHANGES, "unknown_kind", {"data": {"type": "EXCHANGE_X", "id": "x"}}, None),
        (EXCHANGES, "unknown_kind", {"data": {"type": "PAYOUT_X", "id": "8"}}, None),
        (EXCHANGES, "unknown_kind", "EXCHANGE", None),
        (order_api.API, "schema", {"id": "s-1"}, None),
    ],
)
def test_a_callback_nobody_could_read_may_hint_at_an_operation(
    api: Api, reason: str, body: Any, found: str | None
) -> None:
    """Only the id is taken from it, and only to ask."""
    assert api.hint(reason, read_json(json.dumps(body).encode())) == found


CALLERS = [
    (zeroxpay.PROVIDER, oxpay_source()),
    (onchainpay.PROVIDER, onchainpay_source()),
    (calypso.PROVIDER, calypso_source()),
]


@pytest.mark.parametrize(("provider", "source"), CALLERS, ids=lambda value: getattr(value, "slug", ""))
def test_a_refusal_is_the_reason_and_none_where_it_is_genuine(provider: Provider, source: Source) -> None:
    """As of the time of receipt."""
    signed = provider.sign(b"{}", source, NOW_S)
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, signed, b"{}")) is None
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, signed, b"{ }")) == "signature"
    assert refusal(provider, source, RawCallback(source.name, NOW_S * 1_000_000, (), b"{}")) == "header_missing"
