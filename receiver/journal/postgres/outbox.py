"""The outbox on PostgreSQL: one slot's, to write and to read; or all slots merged, for people.

Every transaction that writes locks the slot's row first and compares its epoch. So whoever held the slot before, and
does not know that it was taken, waits for its successor and then finds another epoch: nothing of its commit is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from receiver.journal.outbox_values import (
    days_of,
    entry_of,
    record_from_row,
    standing_from_row,
    standing_row,
    state_from_row,
)
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.outbox_put import Stands, put_batch
from receiver.journal.postgres.outbox_rows import key_digest, record_columns
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import SLOT_SHIFT, HeldSlot, first_record
from receiver.model.callback import EntryId
from receiver.model.errors import Fenced, StoreFailed
from receiver.model.forgotten import with_contents
from receiver.model.operation import Operation, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined
from receiver.model.times import to_us

STORE = "outbox"
READ_BYTES_MAX = 8 * 1024 * 1024
"""Of values in one ``read``; the first record is given whatever its size."""
NUMBER_MAX = (1 << 62) - 1

SQL = named_queries(STORE)


class PostgresOutbox:
    """``ports.Outbox``; to be used by one thread at a time."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> None:
        """Without ``held`` it reads all slots, and writes for slot 0, as a command does that is alone with it."""
        self._db = Database(address, STORE)
        self._seals = Seals(self._db, STORE, ring)
        self._held = held
        self._slot = held.slot if held else 0
        self._only = held.slot if held else None
        self._after = first_record(self._slot) if held else 0
        self._to = self._after + (1 << SLOT_SHIFT) - 1 if held else NUMBER_MAX

    def progress(self, store: str) -> Progress:
        """How far ``store`` has been interpreted; of all slots the one that is furthest behind."""
        return self._stands().progress[store]

    def last_number(self) -> int:
        """The highest record number given so far."""
        return self._stands().last_record

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The known operations among ``keys``, with the contents that became their events."""
        rows = self._db.rows(SQL["operations"], [key_digest(key) for key in keys]) if keys else []
        if not rows:
            return {}
        seen: dict[int, list[Seen]] = {row[0]: [] for row in rows}
        for operation, *content in self._db.rows(SQL["contents"], list(seen)):
            seen[operation].append(Seen(*content))
        return {row[9]: Operation(state_from_row(row), tuple(seen[row[0]]), row[10]) for row in rows}

    def commit(self, batch: OutboxBatch) -> None:
        """Commit the batch whole; raises ``Fenced``, and ``StoreFailed``, with nothing of it kept."""
        self._seals.prepare(days_of(batch.records))
        with self._writing() as stands:
            at = stands.progress["inbox"].number, stands.last_record
            if batch.follows is not None and at != batch.follows:
                raise StoreFailed(f"the outbox stands at {at}, not at {batch.follows}: another hand changed it")
            put_batch(self._db, self._seals, self._slot, stands, batch)

    def replace(self, record: OutboxRecord) -> None:
        """Put ``record`` in the place of the one with its number; raises as ``commit`` does."""
        self._seals.prepare(days_of([record]))
        with self._writing():
            self._db.rows(SQL["put_records"], *record_columns(self._seals, [record]))
            entry = entry_of(record)
            if entry is not None:
                said = orjson.loads(record.value)
                self._db.rows(SQL["quarantine_outcome"], entry.store, entry.number)
                standing = Quarantined(
                    entry, record.source, said["reason"], said["detail"], record.received_at, "open", "", record.number
                )
                self._db.rows(SQL["put_quarantine"], *standing_row(standing))

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Up to ``limit`` records above ``after``, fewer where their values pass ``READ_BYTES_MAX``."""
        rows = self._db.rows(SQL["records"], max(after, self._after), self._to, limit, READ_BYTES_MAX)
        return [record_from_row(self._seals, row) for row in rows]

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those that are or were in quarantine."""
        found = {}
        for store in ("inbox", "requests"):
            numbers = [one.number for one in ids if one.store == store]
            for row in self._db.rows(SQL["quarantined"], store, numbers) if numbers else ():
                standing = standing_from_row(row)
                found[standing.id] = standing
        return found

    def in_quarantine_between(self, first: int, last: int) -> set[int]:
        """The inbox numbers of those in quarantine."""
        return {int(row[0]) for row in self._db.rows(SQL["in_quarantine_between"], first, last)}

    def record_id(self, number: int) -> str | None:
        """The id of one record."""
        found = self._db.one(SQL["record_id"], number)
        return None if found is None else str(found)

    def request_of(self, number: int) -> int | None:
        """The request whose answer became record ``number``."""
        found = self._db.one(SQL["request_of"], number)
        return None if found is None else int(found)

    def outcomes_between(self, first: int, last: int) -> dict[int, Outcome]:
        """Inbox number → what became of the callback."""
        return {row[1]: Outcome(*row) for row in self._db.rows(SQL["outcomes_between"], first, last, self._only)}

    def duplicates(self, after: int, limit: int) -> Sequence[int]:
        """Inbox numbers of callbacks that say what another callback said."""
        slot = self._held.slot if self._held else None
        return [int(row[0]) for row in self._db.rows(SQL["duplicates"], after, limit, slot)]

    def next_record_us(self, after: int) -> int | None:
        """Time of receipt, Unix microseconds, of the first record above ``after``."""
        found = self._db.one(SQL["record_time"], max(after, self._after), self._to)
        return None if found is None else to_us(found)

    def last_heard(self) -> dict[str, int]:
        """Source → time of receipt of its newest callback, Unix microseconds."""
        return {str(row[0]): int(row[1]) for row in self._db.rows(SQL["last_heard"])}

    def remembered(self, cluster_id: str) -> Position | None:
        """The local copy for one cluster."""
        return next((Position(*row) for row in self._db.rows(SQL["remembered"], self._slot, cluster_id)), None)

    def latest_remembered(self) -> tuple[str, Position] | None:
        """The local copy written last."""
        rows = self._db.rows(SQL["latest_remembered"], self._slot)
        return next(((row[0], Position(*row[1:])) for row in rows), None)

    def remember(self, cluster_id: str, position: Position) -> None:
        """Write the local copy."""
        with self._writing():
            self._db.rows(SQL["remember"], self._slot, cluster_id, position.number, position.record_id)

    def topic_partitions(self, cluster_id: str) -> dict[str, int]:
        """Topic → the number of partitions that its keys are spread over."""
        return {row[0]: int(row[1]) for row in self._db.rows(SQL["topic_partitions"], cluster_id)}

    def note_topic_partitions(self, cluster_id: str, partitions: Mapping[str, int]) -> None:
        """Keep such numbers."""
        with self._db.transaction():
            for topic, count in sorted(partitions.items()):
                self._db.rows(SQL["note_topic_partitions"], cluster_id, topic, count)

    def settled(self, numbers: Collection[int]) -> set[int]:
        """Those callbacks that are interpreted, published, and not in quarantine."""
        interpreted = self.progress("inbox").number
        wanted = [number for number in numbers if number <= interpreted]
        unsettled = {row[0] for row in self._db.rows(SQL["unsettled"], wanted)}
        return {number for number in wanted if number not in unsettled}

    def purge(self, records_before: str | None, contents_before: str | None, limit: int) -> int:
        """Delete up to ``limit`` published events and as many contents older than RFC 3339 times; gives how many."""
        latest = self.latest_remembered()
        published = latest[1].number if latest else 0
        with self._writing():
            old = self._db.rows(SQL["purgeable_records"], self._after, published, records_before or "", limit)
            if old:
                self._db.rows(SQL["purge_records"], [row[0] for row in old])
                last = max(row[1] or 0 for row in old)
                self._db.rows(SQL["purge_outcomes"], self._slot, last)
                self._db.rows(SQL["purge_poll_outcomes"], self._slot, old[-1][0])
                self._db.rows(SQL["purged_to"], self._slot, last)
            return len(old) + self._forget_contents((contents_before or "")[:10], limit)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _forget_contents(self, before_day: str, limit: int) -> int:
        # Their marks stay with their operations; by record, so that of too many the oldest go.
        rows = self._db.rows(SQL["purgeable_contents"], before_day, self._after, self._to, limit)
        contents: dict[int, list[Seen]] = {}
        for operation, *content in rows:
            contents.setdefault(operation, []).append(Seen(*content))
        for operation, forgotten in self._db.rows(SQL["forgotten"], list(contents)) if rows else ():
            self._db.rows(SQL["set_forgotten"], operation, with_contents(forgotten, contents[operation]))
        if rows:
            self._db.rows(SQL["purge_content"], [row[0] for row in rows], [row[1] for row in rows])
        return len(rows)

    def _stands(self) -> Stands:
        merged = self._held is None
        rows = self._db.rows(SQL["stands_merged"]) if merged else self._db.rows(SQL["stands"], self._slot)
        return _stands(rows[0])

    @contextmanager
    def _writing(self) -> Iterator[Stands]:
        # One transaction, with the slot's row locked first.
        with self._db.transaction():
            epoch, *rest = self._db.rows(SQL["claim"], self._slot)[0]
            if self._held is not None and epoch != self._held.epoch:
                raise Fenced(f"slot {self._slot} is in other hands: epoch {epoch}, and ours is {self._held.epoch}")
            yield _stands(rest)


def _stands(row: Any) -> Stands:
    inbox_to, inbox_digest, requests_to, requests_digest, last_record = row
    progress = {"inbox": Progress(inbox_to, inbox_digest), "requests": Progress(requests_to, requests_digest)}
    return Stands(progress, last_record)
