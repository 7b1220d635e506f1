"""CryptoExchange's API as its user describes it: all of it invented."""

from __future__ import annotations

import json
from typing import Any

import pytest

from receiver.model.errors import ApiFailed, NotUnderstood
from receiver.model.exact_json import read_json
from receiver.providers.calls import Access, Answer, Scan, Stamp
from receiver.providers.cryptoexchange import api as order_api
from receiver.providers.cryptoexchange import callbacks as cryptoexchange
from tests.support import Way, ok, order_source, polled

STAMP = Stamp(1754906400000, 1749475109413)


ORDERS = order_source()


ORDER = {"uuid": "o-1", "state": {"word": "paid out"}, "fiat": 100.10, "asset": "BTC", "to": "bc1q", "hash": "h"}


def test_cryptoexchange_is_asked_as_configured() -> None:
    """Path, method and header are the configuration's; an id is quoted."""
    assert ORDERS.access is not None
    call = order_api.get("o/1 ?", ORDERS.access, STAMP)
    assert (call.method, call.url) == ("GET", "https://orders.example.com/v9/orders/o%2F1%20%3F")
    assert dict(call.headers)["X-Token"] == "made-up-order-token"
    (scan,) = order_api.scans(ORDERS.access)
    listed = order_api.page(scan, (0, 0), 1, ORDERS.access, STAMP)
    assert listed.url == "https://orders.example.com/v9/customers/c%201/orders"
    found = order_api.read_page(ok({"data": [{"uuid": "o-1"}, {"uuid": 7}, "x"]}), ORDERS.access)
    assert [(one.operation_id, one.text) for one in found.resources] == [("o-1", b"")]
    assert ORDERS.access is not None
    without_list = ORDERS.access.settings.model_copy(update={"list_path": None})
    assert order_api.scans(Access("u", None, settings=without_list)) == ()
    assert isinstance(scan, Scan)


def test_an_order_becomes_an_event_by_the_configured_words() -> None:
    """Money under the configured names, digit for digit; a word that is not in the map is quarantined."""
    way = Way((cryptoexchange.PROVIDER, ORDERS))
    text = json.dumps(ORDER).replace("100.1,", "100.10,")
    assert ORDERS.access is not None
    resource = order_api.read(ok(text.encode()), "o-1", ORDERS.access)
    assert resource.terminal
    event = polled(way, "orders", resource.text.decode())
    assert (event["status"], event["provider_status"], event["terminal"]) == ("completed", "paid out", True)
    assert event["spent"] == {"amount": "100.10", "currency": None, "network": None}
    assert event["payout"]["destination"] == "bc1q"
    assert (event["kind"], event["family"], event["observed_via"]) == ("order", "exchange", "poll")
    odd = polled(way, "orders", ORDER | {"state": {"word": "paused"}})
    assert (odd["reason"], odd["detail"]) == ("unknown_status", "state.word")
    failed = polled(way, "orders", {"uuid": "o-2", "state": {"word": "broken"}, "note": "no funds"})
    assert failed["failure"] == {"code": None, "message": "no funds"}


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"uuid": ""}, "uuid"),
        ({"state": {}}, "state.word"),
        ({"fiat": "x"}, "fiat"),
        ({"to": 1}, "to"),
        ({"at": 1}, "at"),
    ],
)
def test_an_odd_order_is_quarantined(change: dict[str, Any], detail: str) -> None:
    """With the configured path."""
    with pytest.raises(NotUnderstood, match=f"schema: {detail}"):
        order_api.parse(read_json(json.dumps(ORDER | change).encode()), ORDERS)


def test_the_configured_words_have_ranks_in_their_order() -> None:
    """No two words that are not terminal share a rank, whatever the map says."""
    assert ORDERS.access is not None
    steps = order_api.kinds_of(ORDERS.access)["order"].statuses
    assert {word: step.rank for word, step in steps.items()} == {
        "new": 0,
        "seen": 1,
        "busy": 2,
        "paid out": 3,
        "broken": 3,
    }
    assert [word for word, step in steps.items() if step.terminal] == ["paid out", "broken"]


@pytest.mark.parametrize(
    ("status", "document", "failure"),
    [
        (404, {}, "not_found"),
        (200, {"uuid": "o-2"}, "nonsense"),
        (401, {}, "refused"),
        (500, {}, "down"),
        (200, [], "nonsense"),
    ],
)
def test_every_bad_answer_of_cryptoexchange_has_its_name(status: int, document: Any, failure: str) -> None:
    """By its HTTP status, since nothing else is known."""
    assert ORDERS.access is not None
    with pytest.raises(ApiFailed) as caught:
        order_api.read(Answer(status, json.dumps(document).encode()), "o-1", ORDERS.access)
    assert caught.value.failure == failure
    if status != 404:
        with pytest.raises(ApiFailed):
            order_api.read_page(Answer(status, b"{}"), ORDERS.access)
