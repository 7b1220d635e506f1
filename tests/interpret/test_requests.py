"""Redrive and reprocess: today's code on yesterday's callbacks, into the right place, once; and close."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.interpret.entry import Rules
from receiver.interpret.requests import redrive as redrive_batch
from receiver.interpret.requests import reprocess
from receiver.model.callback import EntryId
from receiver.model.operation import Kind, Step
from receiver.providers.contract import Provider, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way, onchainpay_source, oxpay_source

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])
SWAP: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"]


def redrive(way: Way, *numbers: int) -> list[dict[str, Any]]:
    """Ask for it, and give what came of it."""
    way.requests.add("redrive", way.clock.us, {"callbacks": list(numbers)})
    return way.interpret()


def with_refunds(provider: Provider) -> Provider:
    """The provider after its table has grown by one word."""
    kind = provider.kinds["Exchange"]
    grown = Kind(kind.name, kind.family, {**kind.statuses, "Refunded": Step("cancelled", 2, terminal=True)})
    return replace(provider, kinds={**provider.kinds, "Exchange": grown})


async def grown(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the running receiver the grown table."""
    provider = with_refunds(zeroxpay.PROVIDER)
    monkeypatch.setattr(zeroxpay, "LIFECYCLES", provider.kinds)
    way.interpreter.sources = {"0xpay-main": (provider, oxpay_source())}


async def test_an_unknown_status_is_redriven_into_its_right_place_after_the_table_has_grown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Original time of receipt, next sequence, the effect of its rank; not late only because it was redriven late."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    received = way.clock.us
    bodies = [DONE | {"status": "Pending"}, DONE | {"status": "Refunded"}]
    first = await way.events("0xpay-main", [json.dumps(body).encode() for body in bodies])
    assert [record.get("reason") for record in first] == [None, "unknown_status"]
    way.clock.advance(5000)
    await grown(way, monkeypatch)
    (event,) = redrive(way, 2)
    assert (event["status"], event["sequence"], event["effective"], event["anomalies"]) == ("cancelled", 2, True, [])
    assert event["received_at"].startswith("2024-05-27T08:55:30")
    assert received != way.clock.us
    assert way.outbox.standings[EntryId("inbox", 2)].state == "redriven"
    assert way.outbox.outcomes[EntryId("inbox", 2)].outcome == "event"


async def test_a_redriven_lower_rank_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quarantined first, overtaken meanwhile."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    kind = zeroxpay.LIFECYCLES["Exchange"]
    without = {word: step for word, step in kind.statuses.items() if word != "Pending"}
    monkeypatch.setattr(zeroxpay, "LIFECYCLES", {**zeroxpay.LIFECYCLES, "Exchange": replace(kind, statuses=without)})
    bodies = [DONE | {"status": "Pending"}, DONE]
    await way.events("0xpay-main", [json.dumps(body).encode() for body in bodies])
    monkeypatch.setattr(zeroxpay, "LIFECYCLES", {**zeroxpay.LIFECYCLES, "Exchange": kind})
    (event,) = redrive(way, 1)
    assert (event["status"], event["sequence"], event["effective"], event["anomalies"]) == (
        "pending",
        2,
        False,
        ["late"],
    )


async def test_of_two_contents_without_a_time_the_original_arrival_decides() -> None:
    """A mapping bug on purpose: the older callback, redriven later, does not win."""

    def buggy(payload: Any, source: Source) -> Any:
        if payload.body.spend_amount == "1":
            raise ZeroDivisionError
        return zeroxpay.normalise(payload, source)

    way = Way((replace(zeroxpay.PROVIDER, normalise=buggy), oxpay_source()))
    bodies = [DONE | {"spendAmount": "1"}, DONE | {"spendAmount": "2"}]
    said = await way.events("0xpay-main", [json.dumps(body).encode() for body in bodies])
    assert [record.get("reason") for record in said] == ["internal_error", None]
    way.interpreter.sources = {"0xpay-main": (zeroxpay.PROVIDER, oxpay_source())}
    (event,) = redrive(way, 1)
    assert (event["sequence"], event["revision"], event["anomalies"]) == (2, 2, ["late", "amended"])
    assert event["spent"]["amount"] == "1"


async def test_redrive_is_idempotent_and_what_still_fails_stays_with_todays_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No second quarantine record, no second event."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    bodies = [json.dumps(DONE | {"status": "Refunded", "fee": "x"}).encode(), b"junk"]
    await way.events("0xpay-main", bodies)
    assert redrive(way, 1, 2, 99) == []
    assert [(one.reason, one.state) for one in way.outbox.standings.values()] == [
        ("unknown_status", "open"),
        ("not_json", "open"),
    ]
    await grown(way, monkeypatch)
    assert redrive(way, 1, 2) == []
    assert (way.outbox.standings[EntryId("inbox", 1)].reason, way.outbox.standings[EntryId("inbox", 1)].detail) == (
        "schema",
        "fee",
    )
    assert way.outbox.last_number() == 2
    assert len(way.log.named("callback.still_unreadable")) == 4


async def test_what_another_callback_said_meanwhile_is_a_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's retry came after the table had grown: the redriven one repeats it."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    body = json.dumps(DONE | {"status": "Refunded"}).encode()
    await way.events("0xpay-main", [body])
    await grown(way, monkeypatch)
    assert len(await way.events("0xpay-main", [body])) == 1
    assert redrive(way, 1) == []
    assert (way.outbox.outcomes[EntryId("inbox", 1)].outcome, way.outbox.standings[EntryId("inbox", 1)].state) == (
        "duplicate",
        "redriven",
    )


@pytest.mark.parametrize("secret", ["kept", "rotated"])
async def test_a_secret_rotated_out_since_is_said_and_is_no_error(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature is checked as of the time of receipt, years later."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    await way.events("0xpay-main", [json.dumps(DONE | {"status": "Refunded"}).encode()])
    way.clock.advance(86_400 * 365)
    await grown(way, monkeypatch)
    if secret == "rotated":
        provider, _ = way.interpreter.sources["0xpay-main"]
        way.interpreter.sources = {"0xpay-main": (provider, oxpay_source(secrets=(b"another",)))}
    assert len(redrive(way, 1)) == 1
    assert way.log.named("callback.redriven")[0]["signature_verifies_today"] is (secret == "kept")


async def test_an_event_that_kafka_refused_is_made_anew() -> None:
    """Nobody ever saw the first: the redriven one has the next sequence."""
    way = Way((onchainpay.PROVIDER, onchainpay_source()))
    (event,) = await way.events("swaps", [json.dumps(SWAP).encode()])
    refused = way.outbox.records[0]
    said = {"reason": "too_large_for_broker", "detail": "$"}
    way.outbox.replace(replace(refused, record_type="quarantine", record_id="1", value=json.dumps(said).encode()))
    (again,) = redrive(way, 1)
    assert (event["sequence"], again["sequence"]) == (1, 2)
    assert again["event_id"] == event["event_id"]
    assert redrive(way, 1) == []


async def test_a_closed_one_is_not_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person said that it will never be readable, and why."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    await way.events("0xpay-main", [json.dumps(DONE | {"status": "Refunded"}).encode()])
    way.requests.add("close", way.clock.us, {"callbacks": [1, 5], "why": "a test of the provider"})
    assert way.interpret() == []
    assert (way.outbox.standings[EntryId("inbox", 1)].state, way.outbox.standings[EntryId("inbox", 1)].why) == (
        "closed",
        "a test of the provider",
    )
    await grown(way, monkeypatch)
    assert redrive(way, 1) == []


async def test_a_request_of_a_newer_release_is_passed_over_aloud() -> None:
    """The line goes on, and what it points at stays where it is."""
    way = Way()
    way.requests.add("unheard-of", way.clock.us, {})
    assert way.interpret() == []
    assert way.outbox.progress("requests").number == 1
    assert way.log.named("request.unknown")[0]["request_type"] == "unheard-of"


async def test_unknown_fields_are_counted_by_name_and_each_source_is_heard_of() -> None:
    """A provider's change is seen the day it happens."""
    way = Way()
    bodies = [DONE | {"id": f"o{n}", "brandNew": n, **({"rare": 1} if n == 2 else {})} for n in range(3)]
    await way.events("0xpay-main", [json.dumps(body).encode() for body in bodies])
    assert dict(way.outbox.unknown_fields) == {("0xpay-main", "brandNew"): 3, ("0xpay-main", "rare"): 1}
    assert way.outbox.last_heard_us == {"0xpay-main": way.clock.us}
    value = way.metrics.registry.get_sample_value(
        "receiver_unknown_fields_total", {"source": "0xpay-main", "field": "brandNew"}
    )
    assert value == 3


def rules(way: Way, provider: Provider = zeroxpay.PROVIDER) -> Rules:
    """Those of a preview."""
    sources = {"0xpay-main": (provider, oxpay_source())}
    return Rules(sources=sources, record_bytes_max=10_000, publish_body=False, log=way.log)


def read_otherwise(payload: Any, source: Source) -> Any:
    """A release that reads one fact in another way, and cannot read one exchange any more."""
    if payload.body.id == "unreadable":
        raise ZeroDivisionError
    return replace(zeroxpay.normalise(payload, source), meta="read otherwise")


async def test_reprocessing_with_the_same_code_changes_nothing() -> None:
    """Each is a duplicate of its own event, and its outcome stays as it is; an unknown number is passed over."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    await way.events("0xpay-main", [json.dumps(DONE).encode()])
    way.requests.add("reprocess", way.clock.us, {"callbacks": [1, 99]})
    assert way.interpret() == []
    assert (way.outbox.outcomes[EntryId("inbox", 1)].outcome, way.outbox.progress("requests").number) == ("event", 1)


async def test_what_todays_code_reads_otherwise_is_a_new_revision() -> None:
    """The next sequence, amended, though its payload was seen; what cannot be read today is left, and said."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    await way.events("0xpay-main", [json.dumps(DONE).encode(), json.dumps(DONE | {"id": "unreadable"}).encode()])
    provider = replace(zeroxpay.PROVIDER, normalise=read_otherwise)
    way.interpreter.sources = {"0xpay-main": (provider, oxpay_source())}
    way.requests.add("reprocess", way.clock.us, {"callbacks": [2, 1]})
    (event,) = way.interpret()
    assert (event["sequence"], event["revision"], event["anomalies"]) == (2, 2, ["amended"])
    assert event["meta"] == "read otherwise"
    assert [way.outbox.outcomes[EntryId("inbox", number)].outcome for number in (1, 2)] == ["event", "event"]
    (left,) = way.log.named("callback.unreadable_today")
    assert (left["callback"], left["reason"]) == (2, "internal_error")
    assert way.outbox.standings == {}


async def test_a_preview_gives_the_batch_and_changes_nothing() -> None:
    """Neither the outbox, nor the log, nor how far requests were read."""
    way = Way((zeroxpay.PROVIDER, oxpay_source()))
    await way.events("0xpay-main", [json.dumps(DONE).encode(), b"junk"])
    before = (list(way.outbox.records), dict(way.outbox.standings), list(way.log.lines))
    again = replace(zeroxpay.PROVIDER, normalise=read_otherwise)
    read_again = reprocess([1], rules(way, again), way.stores)
    assert [record.number for record in read_again.batch.records] == [3]
    ids = [EntryId("inbox", 2), EntryId("inbox", 1)]
    redriven = redrive_batch(ids, rules(way), way.stores)
    assert [(standing.id.number, standing.state) for standing in redriven.batch.quarantined] == [(2, "open")]
    assert [note.event for note in redriven.noted] == ["callback.still_unreadable"]
    assert (way.outbox.records, way.outbox.standings, way.log.lines) == before
