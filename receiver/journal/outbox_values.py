"""Rows of the outbox's tables as all engines keep them, to and from the model's values. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import orjson

from receiver.journal.sealed import is_sealed
from receiver.model.callback import EntryId
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Quarantined

VALUE, FLAGS = 14, (10, 15, 16)
"""Places in a record's row: of its value, and of what is true or not, which an engine may keep as numbers."""


class Sealing(Protocol):
    """An engine's ``Seals`` of the outbox."""

    @property
    def sealing(self) -> bool:
        """Whether what comes is sealed."""

    def seal(self, day: str, row: int | str, content: bytes) -> bytes:
        """Seal what a row holds."""

    def open(self, row: int | str, blob: bytes) -> bytes:
        """Open what ``seal`` gave."""


def days_of(records: Iterable[OutboxRecord]) -> list[str]:
    """The UTC days of some records, which ``Seals.prepare`` is told before their rows are made."""
    return [record.received_at[:10] for record in records]


def record_row(seals: Sealing, record: OutboxRecord) -> tuple[Any, ...]:
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
        record.effective,
        record.received_at,
        record.callback,
        record.traceparent,
        value,
        record.publish,
        record.simulated,
    )


def record_from_row(seals: Sealing, row: Iterable[Any]) -> OutboxRecord:
    """One row of ``records``, all its columns in their order, as a record; opens what is sealed."""
    values = list(row)
    values[VALUE] = value_of(seals, values[0], values[VALUE])
    for flag in FLAGS:
        values[flag] = bool(values[flag])
    return OutboxRecord(*values)


def value_of(seals: Sealing, number: int, kept: bytes) -> bytes:
    """The value of a record, sealed or plain: JSON does not begin with zero."""
    return seals.open(number, kept) if is_sealed(kept) else kept


def state_from_row(row: Any) -> OperationState:
    """The state in a row of ``operations``, from its second column on."""
    return OperationState(row[1], row[2], row[3], bool(row[4]), row[5], row[6], row[7], orjson.loads(row[8]))


def standing_row(one: Quarantined) -> tuple[Any, ...]:
    """A standing as a row of ``quarantine``."""
    rest = (one.source, one.reason, one.detail, one.received_at, one.state, one.why, one.record)
    return one.id.store, one.id.number, *rest


def standing_from_row(row: Iterable[Any]) -> Quarantined:
    """One row of ``quarantine``, all its columns in their order, as a standing."""
    store, number, *rest = row
    return Quarantined(EntryId(store, number), *rest)


def entry_of(record: OutboxRecord) -> EntryId | None:
    """The entry whose quarantine record it is; None for an event, and where nobody knows its entry any more."""
    if record.record_type != "quarantine":
        return None
    # Releases up to outbox format 3 of a folder wrote an API's answer as minus its request's number.
    entry = EntryId.parse(f"poll{record.record_id}" if record.record_id.startswith("-") else record.record_id)
    return entry if entry.number else None
