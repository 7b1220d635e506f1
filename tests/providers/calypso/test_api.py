"""Calypso's API, byte for byte as the vectors have it, and what is made of its answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from receiver.model.callback import EntryId
from receiver.model.errors import ApiFailed
from receiver.providers.calls import Access, Answer, Stamp
from receiver.providers.calypso import api as calypso_api
from receiver.providers.calypso import callbacks as calypso
from tests.support import CALYPSO_VECTORS, NOW_S, Way, calypso_source, ok, polled

EVENTS = Path(__file__).parent / "events"


ACCOUNT = "0x52908400098527886E0F7030069857D2E4169EE7"


KEYS = CALYPSO_VECTORS["keys"]["api-doc-sample"]


CALYPSO = Access("https://api.calypso.money", ACCOUNT, KEYS["public"].encode(), KEYS["secret"].encode())


SAMPLE: dict[str, Any] = CALYPSO_VECTORS["exchange_poll_samples"]


SIGNED = {vector["name"]: vector for vector in CALYPSO_VECTORS["request_signing"]}


STAMP = Stamp(1754906400000, 1749475109413)


EXCHANGES = calypso_api.API


DAY_MS = 86_400_000


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


@pytest.mark.parametrize("state", ["IN_PROGRESS", "COMPLETED", "FAILED"])
def test_each_state_of_an_exchange_becomes_its_event(state: str) -> None:
    """As it is on disk."""
    way = Way((calypso.PROVIDER, calypso_source(access=CALYPSO)))
    event = polled(way, "calypso", SAMPLE["exchange_get"][state])
    expected = json.loads((EVENTS / f"exchange-{state.lower().replace('_', '-')}.json").read_bytes())
    assert event == expected


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
