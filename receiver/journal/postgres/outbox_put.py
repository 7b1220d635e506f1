"""What one interpreted batch writes, within its transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

from receiver.journal.outbox_values import standing_row
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.outbox_rows import columns, key_digest, operation_columns, record_columns
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.search import OTHER_FIELDS, UNKNOWN_FIELD_CHARACTERS_MAX, UNKNOWN_FIELDS_MAX
from receiver.model.callback import EntryId
from receiver.model.records import OutboxBatch, Progress, Quarantined
from receiver.model.times import from_us

SQL = named_queries("outbox")


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a slot stands."""

    progress: dict[str, Progress]
    last_record: int


def put_batch(database: Database, seals: Seals, slot: int, stands: Stands, batch: OutboxBatch) -> None:
    """Write all of it; the slot's row is locked, and stands at ``stands``."""
    if batch.records:
        database.rows(SQL["add_records"], *record_columns(seals, batch.records))
    ids = _put_operations(database, batch)
    _put_contents(database, batch, ids)
    _put_outcomes(database, slot, batch, ids)
    for standing in _newest(batch.quarantined):
        database.rows(SQL["put_quarantine"], *standing_row(standing))
    _note_sources(database, slot, batch)
    move(database, slot, stands, batch.progress, max((one.number for one in batch.records), default=0))


def move(database: Database, slot: int, stands: Stands, progress: dict[str, Progress], last: int) -> None:
    """Say where the slot stands from now on; ``last`` is the highest number that was given, 0 for none."""
    now = stands.progress | progress
    inbox, requests = now["inbox"], now["requests"]
    last_record = max(stands.last_record, last)
    database.rows(SQL["move"], slot, inbox.number, inbox.digest, requests.number, requests.digest, last_record)


def operation_ids(database: Database, keys: set[str]) -> dict[str, int]:
    """The numbers of those operations that are known, by their keys."""
    rows = database.rows(SQL["operation_ids"], [key_digest(key) for key in keys]) if keys else []
    return {str(row[1]): int(row[0]) for row in rows}


def _put_operations(database: Database, batch: OutboxBatch) -> dict[str, int]:
    if not batch.states:
        return {}
    rows = database.rows(SQL["put_operations"], *operation_columns(batch.states))
    return {str(row[1]): int(row[0]) for row in rows}


def _put_contents(database: Database, batch: OutboxBatch, ids: dict[str, int]) -> None:
    days = {record.number: record.received_at[:10] for record in batch.records}
    rows = {
        (ids[key], seen.event_id): (ids[key], seen.event_id, seen.payload_digest, seen.record, days[seen.record])
        for key, seen in batch.seen
    }
    if rows:
        database.rows(SQL["put_contents"], *columns(rows.values(), 5))


def _put_outcomes(database: Database, slot: int, batch: OutboxBatch, ids: dict[str, int]) -> None:
    # A duplicate's operation may have no new state.
    others = {one.operation for one in batch.outcomes if one.operation is not None and one.operation not in ids}
    known = ids | operation_ids(database, others)
    rows = {
        (one.store, one.number): (
            one.store, one.number, one.outcome, one.record, known.get(one.operation) if one.operation else None,
        )
        for one in batch.outcomes
    }  # fmt: skip
    if rows:
        database.rows(SQL["put_outcomes"], slot, *columns(rows.values(), 5))


def _newest(standings: list[Quarantined]) -> list[Quarantined]:
    # By entry, so that rows are always locked in one order.
    found: dict[EntryId, Quarantined] = {}
    for one in standings:
        before = found.get(one.id)
        found[one.id] = one if before is None or one.record is not None else replace(one, record=before.record)
    return sorted(found.values(), key=lambda one: (one.id.store, one.id.number))


def _note_sources(database: Database, slot: int, batch: OutboxBatch) -> None:
    for source, at_us in sorted(batch.last_heard_us.items()):
        database.rows(SQL["note_source"], slot, source, at_us)
    for (source, name), count in sorted(batch.unknown_fields.items()):
        first_seen = from_us(batch.last_heard_us.get(source, batch.polled_at_us))
        field = name[:UNKNOWN_FIELD_CHARACTERS_MAX]
        database.rows(SQL["count_field"], slot, source, field, count, first_seen, UNKNOWN_FIELDS_MAX, OTHER_FIELDS)
