"""Rows of the outbox's tables, to and from the model's values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.seals import Seals, is_sealed
from receiver.model.callback import EntryId
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Quarantined


def operation_row(number: int, key: str, state: OperationState) -> tuple[Any, ...]:
    """An operation as a row of ``operations``."""
    return (
        number,
        key,
        sqlite.key_hash(key),
        state.sequence,
        state.provider_status,
        state.rank,
        int(state.terminal),
        state.updated_at,
        state.arrival,
        state.event_id,
        orjson.dumps(state.revisions).decode(),
    )


def state_from_row(row: tuple[Any, ...]) -> OperationState:
    """One row of the query ``operations``, its number first, as a state."""
    return OperationState(row[1], row[2], row[3], bool(row[4]), row[5], row[6], row[7], orjson.loads(row[8]))


def record_from_row(seals: Seals, row: Any) -> OutboxRecord:
    """One row of ``records``, all its columns in their order, as a record; opens what is sealed."""
    values = list(row)
    values[14] = value_of(seals, row[0], row[14])
    values[10] = bool(values[10])  # effective
    values[15] = bool(values[15])  # publish
    values[16] = bool(values[16])  # simulated
    return OutboxRecord(*values)


def value_of(seals: Seals, number: int, kept: bytes) -> bytes:
    """The value of a record, sealed or plain: JSON does not begin with zero."""
    return seals.open(number, kept) if is_sealed(kept) else kept


def days_of(records: Iterable[OutboxRecord]) -> list[str]:
    """The UTC days of some records, which ``Seals.prepare`` is told before their rows are made."""
    return [record.received_at[:10] for record in records]


def record_row(seals: Seals, record: OutboxRecord) -> tuple[Any, ...]:
    """A record as a row of ``records``, its value sealed where there is a key; ``seals`` is prepared for its day."""
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
        int(record.effective),
        record.received_at,
        record.callback,
        record.traceparent,
        value,
        int(record.publish),
        int(record.simulated),
    )


def standing_row(standing: Quarantined) -> tuple[Any, ...]:
    """A standing as a row of ``quarantine``."""
    return (
        standing.id.store,
        standing.id.number,
        standing.source,
        standing.reason,
        standing.detail,
        standing.received_at,
        standing.state,
        standing.why,
        standing.record,
    )


def standing_from_row(row: Any) -> Quarantined:
    """One row of ``quarantine``, all its columns in their order, as a standing."""
    store, number, *rest = row
    return Quarantined(EntryId(store, number), *rest)


def entry_of(record: OutboxRecord) -> EntryId | None:
    """The entry whose quarantine record it is; None for an event, and where nobody knows its entry any more."""
    if record.record_type != "quarantine":
        return None
    # Releases up to outbox format 3 wrote an API's answer as minus its request's number.
    entry = EntryId.parse(f"poll{record.record_id}" if record.record_id.startswith("-") else record.record_id)
    return entry if entry.number else None
