"""What the suite puts into journals: callbacks, and batches whose records, outcomes, states and contents fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from receiver.model.callback import EntryId, Store, VerifiedCallback
from receiver.model.operation import OperationState, Seen, operation_key
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Progress, Quarantined
from receiver.model.times import DAY_US, from_us, to_us

START = "2024-05-27T08:55:30.012345Z"
START_US = to_us(START)


def callback(at: int, body: bytes = b"{}") -> VerifiedCallback:
    """A callback with all that can be odd in its headers, received ``at`` microseconds after the start."""
    headers = ((b"x-odd", b"\xe9 : \x01"), (b"x-twice", b"1"), (b"x-twice", b""), (b"empty", b""))
    return VerifiedCallback("main", START_US + at, headers, body)


def key(operation: str) -> str:
    """The key of an operation."""
    return operation_key("0xpay", "m", "exchange", operation)


def event(number: int, operation: str = "a", day: int = 0, **changes: Any) -> OutboxRecord:
    """An event, received on a day after the start; its callback has the same number."""
    record = OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", operation, "completed",
        effective=True, received_at=from_us(START_US + day * DAY_US), callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip
    return replace(record, **changes)


def quarantine_record(number: int, entry: EntryId | None = None, **changes: Any) -> OutboxRecord:
    """A quarantine record of an entry, of the callback with the same number where nothing else is said."""
    entry = entry or EntryId("inbox", number)
    value = orjson.dumps({"reason": "schema", "detail": "id"})
    blank = {"family": "", "kind": "", "operation_id": "", "status": "", "effective": False}
    fields: dict[str, Any] = {"record_type": "quarantine", "record_id": str(entry), "value": value} | blank | changes
    return event(number, **fields)


def standing(entry: EntryId, record: int | None, **changes: Any) -> Quarantined:
    """Where an entry that nobody could read stands."""
    return replace(Quarantined(entry, "main", "schema", "id", START, "open", "", record), **changes)


def state(sequence: int, word: str = "Done") -> OperationState:
    """Some state of an operation, after so many events."""
    return OperationState(
        sequence, word, 2, terminal=True, updated_at="2024-05-27T08:55:30Z", arrival=sequence,
        event_id=f"id-{sequence}", revisions={word: sequence},
    )  # fmt: skip


def seen(record: OutboxRecord) -> tuple[str, Seen]:
    """The content that became this event."""
    return key(record.operation_id), Seen(record.record_id, bytes([record.number % 256]) * 32, record.number)


def batch(records: Iterable[OutboxRecord], interpreted: int | None = None, **changes: Any) -> OutboxBatch:
    """All that interpreting the callbacks of these records changes.

    A record without a callback came of the request with its number.
    """
    made = OutboxBatch(records=list(records))
    for record in made.records:
        store: Store = "inbox" if record.callback is not None else "requests"
        at = record.number if record.callback is None else record.callback
        if record.record_type == "event":
            made.outcomes.append(Outcome(store, at, "event", record.number, key(record.operation_id)))
            made.states[key(record.operation_id)] = state(record.number)
            made.seen.append(seen(record))
        else:
            made.outcomes.append(Outcome(store, at, "quarantine", record.number, None))
            made.quarantined.append(standing(EntryId(store, at), record.number, received_at=record.received_at))
        made.progress[store] = Progress(at, b"d" * 32)
    if interpreted is not None:
        made.progress["inbox"] = Progress(interpreted, b"d" * 32)
    return replace(made, **changes)
