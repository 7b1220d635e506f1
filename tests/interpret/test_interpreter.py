"""From the inbox and the requests to the outbox: one commit per batch, in order, each thing once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.model.callback import EntryId, entry_digest
from receiver.model.errors import StoreFailed
from receiver.model.records import Position
from receiver.providers.calls import Access
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.refused import refused
from tests.support import ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way, onchainpay_source, oxpay_source

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])
SWAPS: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]


def body(number: int, **changes: Any) -> bytes:
    """A distinct exchange."""
    return json.dumps(DONE | {"id": f"operation-{number}"} | changes).encode()


async def test_a_batch_is_read_in_order_and_remembered_with_its_last_entry() -> None:
    """Record numbers follow inbox numbers; progress holds number and digest of the last entry read."""
    way = Way()
    await way.events("0xpay-main", [body(1), b"junk", body(2), body(1)])
    assert [record.callback for record in way.outbox.records] == [1, 2, 3]
    progress = way.outbox.progress("inbox")
    assert (progress.number, progress.digest) == (4, entry_digest(way.inbox.entries[3]))
    assert [way.outbox.outcomes[EntryId("inbox", n)].outcome for n in (1, 2, 3, 4)] == [
        "event",
        "quarantine",
        "event",
        "duplicate",
    ]


async def test_memory_running_out_is_not_the_callbacks_fault() -> None:
    """The step fails and is repeated; nothing is committed."""

    def hungry(document: Any, source: Any) -> Any:
        raise MemoryError

    way = Way((replace(zeroxpay.PROVIDER, parse=hungry), oxpay_source()))
    await way.deliver("0xpay-main", body(1))
    with pytest.raises(MemoryError):
        way.interpreter.step()
    assert way.outbox.progress("inbox").number == 0
    assert way.outbox.records == []


async def test_a_refused_commit_changes_nothing_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same callbacks give the same records once the disk is free."""
    way = Way()
    await way.deliver("0xpay-main", body(1))
    commit = way.outbox.commit

    def full(batch: Any) -> None:
        raise StoreFailed("disk full")

    monkeypatch.setattr(way.outbox, "commit", full)
    with pytest.raises(StoreFailed):
        way.interpreter.step()
    monkeypatch.setattr(way.outbox, "commit", commit)
    assert [event["sequence"] for event in way.interpret()] == [1]


async def test_log_lines_tie_a_callback_to_its_event_and_hold_no_secret() -> None:
    """``callback`` is the thread; no body, card number, signature or key is ever in a line."""
    way = Way()
    card = next(v for v in OXPAY_VECTORS["bodies"] if v["name"] == "fiat-exchange-withdraw-done")["body"].encode()
    await way.events("0xpay-main", [card, card, b"junk 4400000000000008"])
    assert way.log.named("callback.accepted")[0]["callback"] == 1
    (recorded,) = way.log.named("event.recorded")
    assert (recorded["callback"], recorded["sequence"], recorded["status"]) == (1, 1, "completed")
    assert way.log.named("event.repeated")[0]["callback"] == 2
    assert way.log.named("callback.quarantined")[0]["reason"] == "not_json"
    said = repr(way.log.lines)
    for secret in ("4400000000000008", "signature", way.intake.sources["0xpay-main"][1].secrets[0].decode()):
        assert secret not in said


def asked() -> Way:
    """A receiver whose swaps' API is known."""
    return Way((onchainpay.PROVIDER, onchainpay_source(access=Access("https://ocp.example.com", None))))


def poll(receiver: Way, document: Any, *, after: int | None = None) -> list[dict[str, Any]]:
    """What becomes of one answer."""
    newest = receiver.inbox.last_number() if after is None else after
    body = document if isinstance(document, str) else json.dumps(document)
    receiver.requests.add("poll", receiver.clock.us, {"source": "swaps", "body": body, "after": newest})
    return receiver.interpret()


async def webhook(receiver: Way, document: Any) -> list[dict[str, Any]]:
    """What becomes of one callback."""
    return await receiver.events("swaps", [json.dumps(document).encode()])


async def test_a_lost_callback_heals() -> None:
    """What no callback said is published, and says how it was learnt; the callback is a duplicate when it comes."""
    receiver = asked()
    await webhook(receiver, SWAPS["PENDING"])
    (event,) = poll(receiver, SWAPS["PROCESSED"])
    assert (event["sequence"], event["status"], event["observed_via"]) == (2, "completed", "poll")
    assert (event["effective"], event["anomalies"]) == (True, [])
    assert await webhook(receiver, SWAPS["PROCESSED"]) == []
    assert receiver.outbox.outcomes[EntryId("inbox", 2)].outcome == "duplicate"
    assert receiver.outbox.records[1].callback is None


async def test_what_a_callback_said_is_a_duplicate() -> None:
    """Also in other bytes, and with a later time of update."""
    receiver = asked()
    await webhook(receiver, SWAPS["PROCESSED"])
    assert poll(receiver, SWAPS["PROCESSED"]) == []
    assert poll(receiver, SWAPS["PROCESSED"] | {"updatedAt": "2025-06-09T14:29:47.905Z"}) == []
    assert receiver.outbox.outcomes[EntryId("requests", 1)].outcome == "duplicate"
    assert receiver.outbox.outcomes[EntryId("requests", 2)].record == 1


async def test_a_poll_overrules_another_terminal_and_a_callback_does_not() -> None:
    """The provider's own answer to a question: a new revision, effective, with conflict, even where it was said."""
    receiver = asked()
    await webhook(receiver, SWAPS["PROCESSED"])
    (held,) = await webhook(receiver, SWAPS["ERROR"])
    assert (held["effective"], held["anomalies"]) == (False, ["conflict"])
    (ruled,) = poll(receiver, SWAPS["ERROR"])
    assert (ruled["effective"], ruled["anomalies"], ruled["revision"], ruled["sequence"]) == (True, ["conflict"], 2, 3)
    assert ruled["event_id"] != held["event_id"]
    assert poll(receiver, SWAPS["ERROR"]) == []
    assert await webhook(receiver, SWAPS["PROCESSED"]) == []
    assert receiver.outbox.known[next(iter(receiver.outbox.known))].state.provider_status == "ERROR"


async def test_a_stale_answer_is_late() -> None:
    """A list that was read before the callback came moves nobody back."""
    receiver = asked()
    await webhook(receiver, SWAPS["PROCESSED"])
    (late,) = poll(receiver, SWAPS["PENDING"], after=0)
    assert (late["effective"], late["anomalies"]) == (False, ["late"])


async def test_a_run_of_answers_is_one_batch_in_order() -> None:
    """With what was asked for in between in its place."""
    receiver = asked()
    for word in ("PENDING", "WITHDRAWING"):
        body = json.dumps(SWAPS[word])
        receiver.requests.add("poll", receiver.clock.us, {"source": "swaps", "body": body, "after": 0})
    receiver.requests.add("close", receiver.clock.us, {"callbacks": [9], "why": "x"})
    body = json.dumps(SWAPS["PROCESSED"])
    receiver.requests.add("poll", receiver.clock.us, {"source": "swaps", "body": body, "after": 0})
    assert receiver.interpreter.step() == 2
    assert receiver.interpreter.step() == 1
    assert receiver.interpreter.step() == 1
    assert receiver.interpreter.step() == 0
    assert [record.status for record in receiver.outbox.records] == ["pending", "sending", "completed"]
    assert receiver.outbox.progress("requests").number == 4


async def test_an_odd_answer_is_quarantined_and_redriven_by_its_number() -> None:
    """By ``poll-`` and its request's number; what it says is read again with today's table."""
    receiver = asked()
    (odd,) = poll(receiver, SWAPS["PENDING"] | {"status": "REFUNDED"})
    assert (odd["reason"], odd["quarantine_id"], odd["headers"]) == ("unknown_status", "poll-1", [])
    assert receiver.outbox.records[0].callback is None
    receiver.requests.add("redrive", receiver.clock.us, {"callbacks": ["poll-1"]})
    assert receiver.interpret() == []
    assert receiver.outbox.standings[EntryId("requests", 1)].state == "open"
    body = receiver.requests.requests[0].payload
    receiver.requests.requests[0].payload["body"] = body["body"].replace("REFUNDED", "PENDING")  # type: ignore[index]
    receiver.requests.add("redrive", receiver.clock.us, {"callbacks": ["poll-1"]})
    (event,) = receiver.interpret()
    assert (event["status"], event["observed_via"]) == ("pending", "poll")
    assert receiver.outbox.standings[EntryId("requests", 1)].state == "redriven"
    assert receiver.outbox.outcomes[EntryId("requests", 1)].outcome == "event"
    assert "signature_verifies_today" in receiver.log.named("callback.redriven")[0]


async def test_an_answer_whose_event_kafka_refuses_keeps_its_number() -> None:
    """The quarantine record names it, so that it can be redriven."""
    receiver = asked()
    poll(receiver, SWAPS["PENDING"])
    record = receiver.outbox.records[0]
    assert receiver.outbox.request_of(record.number) == 1
    entry = receiver.requests.requests[0].polled
    instead = refused(record, entry, "too large", frozenset())
    receiver.outbox.replace(instead)
    assert json.loads(instead.value)["quarantine_id"] == "poll-1"
    assert receiver.outbox.standings[EntryId("requests", 1)].reason == "too_large_for_broker"
    assert receiver.outbox.outcomes[EntryId("requests", 1)].outcome == "quarantine"
    receiver.outbox.remember("c", Position(1, "x"))
    receiver.requests.add("redrive", receiver.clock.us, {"callbacks": ["poll-1"]})
    assert [event["sequence"] for event in receiver.interpret()] == [2]


async def test_an_answer_is_no_sign_that_callbacks_arrive() -> None:
    """Drift is counted, silence is not ended."""
    receiver = asked()
    poll(receiver, SWAPS["PENDING"] | {"brandNew": 1})
    assert dict(receiver.outbox.unknown_fields) == {("swaps", "brandNew"): 1}
    assert receiver.outbox.last_heard_us == {}
    assert receiver.log.named("event.recorded")[0]["request"] == 1
    assert "callback" not in receiver.log.named("event.recorded")[0]
