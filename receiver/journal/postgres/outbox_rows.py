"""Rows of the outbox's tables, to and from the model's values, many at once: a list for each column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from receiver.journal.postgres.seals import Seals, is_sealed
from receiver.model.callback import EntryId
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Quarantined

RECORD_COLUMNS = 17
OPERATION_COLUMNS = 10


def key_digest(key: str) -> bytes:
    """By what an operation is found: the first 16 bytes of SHA-256 of its key."""
    return hashlib.sha256(key.encode()).digest()[:16]


def columns(rows: Iterable[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """A list for each column; ``count`` empty ones without a row."""
    found = list(zip(*rows, strict=True))
    return [list(column) for column in found] if found else [[] for _ in range(count)]


def operation_columns(states: Mapping[str, OperationState]) -> list[list[Any]]:
    """Operations as columns of ``operations``, by their keys."""
    rows = (
        (
            key_digest(key),
            key,
            state.sequence,
            state.provider_status,
            state.rank,
            state.terminal,
            state.updated_at,
            state.arrival,
            state.event_id,
            orjson.dumps(state.revisions).decode(),
        )
        for key, state in states.items()
    )
    return columns(rows, OPERATION_COLUMNS)


def state_from_row(row: tuple[Any, ...]) -> OperationState:
    """One row of the query ``operations``, its number first, as a state."""
    return OperationState(row[1], row[2], row[3], row[4], row[5], row[6], row[7], orjson.loads(row[8]))


def record_columns(seals: Seals, records: Iterable[OutboxRecord]) -> list[list[Any]]:
    """Records as columns, their values sealed where there is a key; ``seals`` is prepared for their days."""
    return columns((_record_row(seals, record) for record in records), RECORD_COLUMNS)


def _record_row(seals: Seals, record: OutboxRecord) -> tuple[Any, ...]:
    value = record.value
    if seals.sealing:
        value = seals.seal(record.received_at[:10], record.number, value)
    return (
        record.number,
        record.record_type,
        record.record_id,
        record.provider,
        record.source,
        record.account,
        record.family,
        record.kind,
        record.operation_id,
        record.status,
        record.effective,
        record.received_at,
        record.callback,
        record.traceparent,
        value,
        record.publish,
        record.simulated,
    )


def record_from_row(seals: Seals, row: tuple[Any, ...]) -> OutboxRecord:
    """One row of ``records``, all its columns in their order; opens what is sealed."""
    values = list(row)
    values[14] = value_of(seals, row[0], row[14])
    return OutboxRecord(*values)


def value_of(seals: Seals, number: int, kept: bytes) -> bytes:
    """The value of a record, sealed or plain."""
    return seals.open(number, kept) if is_sealed(kept) else kept


def days_of(records: Iterable[OutboxRecord]) -> list[str]:
    """The UTC days of some records, which ``Seals.prepare`` is told before their rows are made."""
    return [record.received_at[:10] for record in records]


def standing_row(one: Quarantined) -> tuple[Any, ...]:
    """A standing as a row of ``quarantine``."""
    rest = (one.source, one.reason, one.detail, one.received_at, one.state, one.why, one.record)
    return one.id.store, one.id.number, *rest


def standing_from_row(row: tuple[Any, ...]) -> Quarantined:
    """One row of ``quarantine`` as a standing."""
    store, number, *rest = row
    return Quarantined(EntryId(store, number), *rest)


def entry_of(record: OutboxRecord) -> EntryId | None:
    """The entry whose quarantine record it is; None for any other, and where nobody knows its entry any more."""
    if record.record_type != "quarantine":
        return None
    entry = EntryId.parse(record.record_id)
    return entry if entry.number else None
