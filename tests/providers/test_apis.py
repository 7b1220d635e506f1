"""What goes out to providers' APIs, byte for byte as the vectors have it, and what is made of their answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.callback import EntryId
from receiver.model.errors import ApiFailed, NotUnderstood
from receiver.model.exact_json import read_json, write_json
from receiver.providers.calls import Access, Answer, Scan, Stamp
from receiver.providers.calypso import api as calypso_api
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Api
from receiver.providers.cryptoexchange import api as order_api
from receiver.providers.cryptoexchange import callbacks as cryptoexchange
from receiver.providers.onchainpay import callbacks as onchainpay
from tests.support import CALYPSO_VECTORS, NOW_S, ONCHAINPAY_VECTORS, Way, calypso_source, order_source

EVENTS = Path(__file__).parent / "calypso" / "events"
ACCOUNT = "0x52908400098527886E0F7030069857D2E4169EE7"
KEYS = CALYPSO_VECTORS["keys"]["api-doc-sample"]
CALYPSO = Access("https://api.calypso.money", ACCOUNT, KEYS["public"].encode(), KEYS["secret"].encode())
SAMPLE: dict[str, Any] = CALYPSO_VECTORS["exchange_poll_samples"]
SIGNED = {vector["name"]: vector for vector in CALYPSO_VECTORS["request_signing"]}
STAMP = Stamp(1754906400000, 1749475109413)
SWAPS = onchainpay.API
EXCHANGES = calypso_api.API
DAY_MS = 86_400_000


def ok(document: Any) -> Answer:
    """An answer of HTTP 200."""
    return Answer(200, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("exchange/get", EXCHANGES.get("134545353", CALYPSO, STAMP)),
        ("exchange/filter, open exchanges", calypso_api.page(calypso_api.OPEN, (0, 0), 1, CALYPSO, STAMP)),
        (
            "exchange/filter, a created-date window",
            calypso_api.page(calypso_api.WINDOW, (1754784000000, 1754784000000 + DAY_MS), 1, CALYPSO, STAMP),
        ),
    ],
)
def test_calypso_is_asked_in_exactly_the_bytes_of_the_vectors(name: str, call: Any) -> None:
    """Body and signature; the headers' names in any case."""
    vector = SIGNED[name]
    assert call.body == base64.b64decode(vector["body_base64"])
    assert dict(call.headers) == vector["headers"] | {"Sign": vector["correct_signature"]}
    assert (call.method, call.url) == ("POST", f"{CALYPSO.base_url}/api/v1/{name.partition(',')[0]}")


def test_onchainpay_is_asked_in_exactly_the_bytes_of_the_vector() -> None:
    """The nonce is a number; a white label has another base URL."""
    vector = next(one for one in ONCHAINPAY_VECTORS["request_signing"] if one["name"] == "auto-swaps/get")
    pair = ONCHAINPAY_VECTORS["keys"]["doc-sample"]
    base = ONCHAINPAY_VECTORS["brands"]["apollopayment"]["base"]
    access = Access(base, None, pair["public"].encode(), pair["secret"].encode())
    call = SWAPS.get("18307f23-8c3a-4094-a86a-8eb07d610947", access, STAMP)
    assert call.body == base64.b64decode(vector["body_base64"])
    assert dict(call.headers) == vector["headers"]
    assert call.url == f"{base}/auto-swaps/get"
    assert SWAPS.base_url == ONCHAINPAY_VECTORS["brands"]["onchainpay"]["base"]


def test_a_secret_is_never_printed() -> None:
    """Neither of an access nor of a call."""
    shown = f"{CALYPSO!r} {EXCHANGES.get('1', CALYPSO, STAMP)!r} {order_source().access!r}"
    assert KEYS["secret"] not in shown
    assert "Sign" not in shown
    assert "order-token" not in shown


@pytest.mark.parametrize("state", ["IN_PROGRESS", "COMPLETED", "FAILED"])
def test_each_state_of_an_exchange_becomes_its_event(state: str) -> None:
    """As it is on disk."""
    way = Way((calypso.PROVIDER, calypso_source(access=CALYPSO)))
    event = polled(way, "calypso", SAMPLE["exchange_get"][state])
    expected = json.loads((EVENTS / f"exchange-{state.lower().replace('_', '-')}.json").read_bytes())
    assert event == expected


def polled(way: Way, source: str, document: Any) -> dict[str, Any]:
    """What becomes of one answer."""
    body = document if isinstance(document, str) else json.dumps(document)
    way.requests.add("poll", NOW_S * 1_000_000, {"source": source, "body": body, "after": way.inbox.last_number()})
    (said,) = way.interpret()
    return said


SEQUENCES = CALYPSO_VECTORS["exchange_poll_sequences"]


@pytest.mark.parametrize("vector", SEQUENCES, ids=[vector["name"] for vector in SEQUENCES])
def test_each_sequence_of_polls_publishes_what_the_vectors_say(vector: dict[str, Any]) -> None:
    """What came late is published too, and is not effective."""
    way = Way((calypso.PROVIDER, calypso_source(access=CALYPSO)))
    for word in vector["polls"]:
        if not word.startswith("error"):
            body = json.dumps(SAMPLE["exchange_get"][word])
            way.requests.add("poll", NOW_S * 1_000_000, {"source": "calypso", "body": body, "after": 0})
    events = way.interpret()
    assert [event["provider_status"] for event in events if event["effective"]] == vector["publish"]


TRAPS = ["0.1", "1e-8", "1E+2", "0.000000000000000001", "123456789012345678.123456789012345678", "-0.0", "9" * 40]


@pytest.mark.parametrize("digits", TRAPS)
def test_no_digit_of_a_number_changes(digits: str) -> None:
    """From the answer's bytes through the journal into the event."""
    text = f'{{"id":9223372036854775807,"state":"COMPLETED","sourceCurrency":"ETH","sourceAmount":{digits}}}'
    resource = EXCHANGES.read(ok(text.encode()), "9223372036854775807", CALYPSO)
    assert resource.text.decode() == text
    event = polled(Way((calypso.PROVIDER, calypso_source(access=CALYPSO))), "calypso", resource.text.decode())
    assert (event["spent"]["amount"], event["operation_id"]) == (digits, "9223372036854775807")


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(TREES)
def test_exact_json_is_written_as_it_was_read(document: Any) -> None:
    """Reading and writing gives the same compact JSON."""
    compact = orjson.dumps(document)
    assert write_json(read_json(compact)) == compact


@pytest.mark.parametrize("identity", ["9223372036854775808", "1.0", "1e3", "-1", '"x"', "null"])
def test_what_is_no_int64_is_no_exchange(identity: str) -> None:
    """Nor is it left out silently: it is nonsense, and nothing is recorded."""
    with pytest.raises(ApiFailed, match="nonsense"):
        EXCHANGES.read(ok(f'{{"id":{identity},"state":"COMPLETED"}}'.encode()), identity.strip('"'), CALYPSO)


ERRORS: dict[str, Any] = SAMPLE["errors"]


@pytest.mark.parametrize(
    ("document", "status", "failure"),
    [
        (ERRORS["wrong_sign"], 400, "refused"),
        (ERRORS["bad_key"], 400, "refused"),
        (ERRORS["stale_timestamp"], 400, "down"),
        (ERRORS["not_found"], 400, "not_found"),
        (ERRORS["internal"], 500, "down"),
        ({"errorCode": "999\n<secret>"}, 400, "refused"),
        (SAMPLE["exchange_get"]["FAILED"] | {"id": 1}, 200, "nonsense"),
        (SAMPLE["exchange_get"]["FAILED"], 502, "down"),
        ([], 200, "nonsense"),
        (b"<html>", 200, "nonsense"),
        (b"<html>", 503, "down"),
        (b"", 429, "limited"),
        (b"\xff", 401, "refused"),
        (b"NaN", 200, "nonsense"),
    ],
)
def test_every_bad_answer_of_calypso_has_its_name(document: Any, status: int, failure: str) -> None:
    """And never quotes what it was."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ApiFailed) as caught:
        EXCHANGES.read(Answer(status, body, 7.0), "134545353", CALYPSO)
    assert caught.value.failure == failure
    assert "<" not in str(caught.value)


SWAP = {"id": "s-1", "status": "PROCESSED"}


@pytest.mark.parametrize(
    ("document", "status", "failure"),
    [
        ({"success": False, "error": {"code": 1, "name": "SOME_ERROR", "message": "..."}}, 200, "refused"),
        ({"success": False, "error": {"name": "<b>"}}, 400, "refused"),
        ({"success": False}, 500, "down"),
        ({"success": False}, 429, "limited"),
        ({"success": "true", "response": SWAP}, 200, "nonsense"),
        ({"success": True, "response": SWAP | {"id": "other"}}, 200, "nonsense"),
        ({"success": True, "response": [SWAP]}, 200, "nonsense"),
        ({"success": True}, 200, "nonsense"),
        (SWAP, 200, "nonsense"),
        (b"ok", 200, "nonsense"),
        (b"", 502, "down"),
    ],
)
def test_every_bad_answer_of_onchainpay_has_its_name(document: Any, status: int, failure: str) -> None:
    """``success`` decides, whatever the HTTP status."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ApiFailed) as caught:
        SWAPS.read(Answer(status, body), "s-1", CALYPSO)
    assert caught.value.failure == failure
    assert "<" not in str(caught.value)


def test_a_good_answer_of_onchainpay_is_the_swap_whatever_the_http_status() -> None:
    """As the vectors have it."""
    sample = ONCHAINPAY_VECTORS["samples"]["auto_swaps_get_response_ok"]
    identity = sample["response"]["id"]
    for status in (200, 201, 400):
        resource = SWAPS.read(Answer(status, json.dumps(sample).encode()), identity, CALYPSO)
        assert json.loads(resource.text) == sample["response"]
        assert (resource.operation_id, resource.terminal) == (identity, False)
    sample = {"success": True, "response": sample["response"] | {"status": "REJECTED"}}
    assert SWAPS.read(ok(sample), identity, CALYPSO).terminal
    sample = {"success": True, "response": sample["response"] | {"status": "SWAPPING"}}
    assert not SWAPS.read(ok(sample), identity, CALYPSO).terminal


def test_an_answer_that_says_the_same_has_the_same_digest() -> None:
    """Spaces and order of keys say nothing."""
    one = EXCHANGES.read(ok(b'{"id":7,"state":"FAILED","x":1}'), "7", CALYPSO)
    two = EXCHANGES.read(ok(b'{ "x" : 1, "state": "FAILED", "id": 7 }'), "7", CALYPSO)
    other = EXCHANGES.read(ok(b'{"id":7,"state":"FAILED","x":1.0}'), "7", CALYPSO)
    assert one.digest == two.digest != other.digest


def test_a_page_is_read_with_its_totals_and_without_what_has_no_id() -> None:
    """The sample page has one exchange in three states."""
    page = calypso_api.read_page(ok(SAMPLE["exchange_filter_page"]), CALYPSO)
    assert (page.pages, page.total) == (1, 3)
    assert [one.terminal for one in page.resources] == [False, True, True]
    odd = {"result": [1, {"id": None}, SAMPLE["exchange_get"]["FAILED"]], "total": 1, "totalElements": 3}
    assert len(calypso_api.read_page(ok(odd), CALYPSO).resources) == 1
    for broken in ({"result": {}, "total": 1, "totalElements": 1}, {"result": [], "total": -1, "totalElements": 1}, {}):
        with pytest.raises(ApiFailed, match="nonsense"):
            calypso_api.read_page(ok(broken), CALYPSO)


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"state": "PAUSED"}, "unknown_status", "state"),
        ({"state": None}, "schema", "state"),
        ({"account": "0x" + "1" * 40}, "account_mismatch", "account"),
        ({"sourceAmount": "much"}, "schema", "sourceAmount"),
        ({"createdDate": "yesterday"}, "schema", "createdDate"),
    ],
)
def test_an_odd_exchange_is_quarantined(change: dict[str, Any], reason: str, detail: str) -> None:
    """With the reason, under the number of its request; the account's letters may be of either case."""
    way = Way((calypso.PROVIDER, calypso_source(access=CALYPSO)))
    said = polled(way, "calypso", SAMPLE["exchange_get"]["FAILED"] | change)
    assert (said["reason"], said["detail"], said["quarantine_id"]) == (reason, detail, "poll-1")
    assert way.outbox.standings[EntryId("requests", 1)].state == "open"
    fine = polled(
        way,
        "calypso",
        SAMPLE["exchange_get"]["FAILED"] | {"account": ACCOUNT.lower(), "createdDate": "2025-08-11T10:00:00"},
    )
    assert (fine["account"], fine["created_at"]) == (ACCOUNT, "2025-08-11T10:00:00Z")


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
    resource = order_api.read(ok(text.encode()), "o-1", ORDERS.access or CALYPSO)
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
