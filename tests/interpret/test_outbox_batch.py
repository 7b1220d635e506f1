"""An outbox batch in the making: each entry meets what those before it in the batch have left."""

from __future__ import annotations

import json
from typing import Any

import orjson

from receiver.interpret.entry import Rules, add_entry, begin_batch, read_entry
from receiver.interpret.outbox_batch import BatchBuilder, traceparent
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import OXPAY_VECTORS, Lines, oxpay_source

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])
RULES = Rules(
    sources={"0xpay-main": (zeroxpay.PROVIDER, oxpay_source())},
    record_bytes_max=10_000,
    publish_body=False,
    log=Lines(),
)


def entry(number: int, **changes: Any) -> JournalEntry:
    """A callback of one and the same exchange."""
    return JournalEntry(number, VerifiedCallback("0xpay-main", number, (), json.dumps(DONE | changes).encode()))


def put(builder: BatchBuilder, *entries: JournalEntry, interpreted_before: bool = False) -> None:
    """Put entries into the batch, one after the other."""
    for made in entries:
        add_entry(builder, RULES, made, read_entry(RULES, made), interpreted_before=interpreted_before)


def test_each_entry_meets_its_operation_as_those_before_it_left_it() -> None:
    """Sequences go on inside a batch, and a repetition in the same batch is a duplicate of its first."""
    builder = BatchBuilder(7, {})
    put(builder, entry(1, status="Pending"), entry(2), entry(3, status="Pending"))
    assert [orjson.loads(record.value)["sequence"] for record in builder.batch.records] == [1, 2]
    assert [record.number for record in builder.batch.records] == [8, 9]
    assert [(outcome.outcome, outcome.record) for outcome in builder.batch.outcomes] == [
        ("event", 8), ("event", 9), ("duplicate", 8),
    ]  # fmt: skip
    (state,) = builder.batch.states.values()
    assert (state.sequence, state.provider_status) == (2, "Done")


def test_a_batch_begins_with_what_the_outbox_knows_and_says_where_it_stood() -> None:
    """So that the commit is refused where another hand has changed the outbox since."""
    outbox = MemoryOutbox()
    first = begin_batch(RULES, outbox, (), interpreted=0)
    put(first, entry(1))
    outbox.commit(first.batch)
    readings = [read_entry(RULES, entry(2))]
    second = begin_batch(RULES, outbox, readings, interpreted=3)
    assert second.batch.follows == (3, 1)
    put(second, entry(2))
    assert [outcome.outcome for outcome in second.batch.outcomes] == ["duplicate"]


def test_a_forgotten_content_becomes_an_event_again() -> None:
    """Kafka refused its first record, so nobody ever saw it."""
    builder = BatchBuilder(0, {})
    put(builder, entry(1))
    key = next(iter(builder.batch.states))
    builder.forget(key, 99)
    put(builder, entry(2), interpreted_before=True)
    builder.forget(key, 1)
    put(builder, entry(3), interpreted_before=True)
    assert [outcome.outcome for outcome in builder.batch.outcomes] == ["event", "duplicate", "event"]


def test_what_is_imported_as_already_published_goes_nowhere() -> None:
    """It is an event all the same, and its record says that it is not published."""
    builder = BatchBuilder(0, {}, publish=False)
    put(builder, entry(1), JournalEntry(2, VerifiedCallback("0xpay-main", 1, (), b"junk")))
    assert [(record.record_type, record.publish) for record in builder.batch.records] == [
        ("event", False), ("quarantine", False),
    ]  # fmt: skip


def test_only_a_well_formed_trace_is_passed_on() -> None:
    """W3C Trace Context, once."""
    good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert traceparent(((b"traceparent", good),)) == good.decode()
    assert traceparent(((b"traceparent", good.upper()),)) is None
    assert traceparent(((b"traceparent", good), (b"traceparent", good))) is None
    assert traceparent(()) is None


def test_a_record_says_whether_its_callback_was_simulated() -> None:
    """By the header that no provider sends, in whatever number and with whatever value."""
    for headers, simulated in (
        ((), False),
        (((b"receiver-simulated", b""),), True),
        (((b"x-simulated", b"1"),), False),
    ):
        for body in (json.dumps(DONE).encode(), b"junk"):
            builder = BatchBuilder(0, {})
            put(builder, JournalEntry(1, VerifiedCallback("0xpay-main", 1, headers, body)))
            assert [record.simulated for record in builder.batch.records] == [simulated]
