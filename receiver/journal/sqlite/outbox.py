"""The outbox on SQLite: status events, quarantine records, operation states and positions, one commit per batch.

The interpret process writes; the publish process reads, and keeps its copy of Kafka's position, on a connection of its
own. A batch is bounded by the interpreter, so a commit is short.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.outbox_values import (
    days_of,
    entry_of,
    record_from_row,
    record_row,
    standing_from_row,
    standing_row,
    state_from_row,
)
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.search import OTHER_FIELDS, UNKNOWN_FIELD_CHARACTERS_MAX, UNKNOWN_FIELDS_MAX
from receiver.journal.sqlite.open_files import OpenFiles
from receiver.journal.sqlite.operation_keys import OperationKeys, json_list
from receiver.journal.sqlite.outbox_rows import operation_row
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import insert, named_queries
from receiver.journal.sqlite.store import StoreConnection, failures, files_of, open_store, transaction
from receiver.journal.sqlite.wal import Wal
from receiver.model.callback import EntryId
from receiver.model.errors import StoreFailed
from receiver.model.forgotten import with_contents
from receiver.model.operation import Operation, OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined
from receiver.model.times import from_us, to_us

STORE = "outbox"
FILE = "outbox.db"
READ_BYTES_MAX = 8 * 1024 * 1024
"""Of values in one ``read``; the first record is given whatever its size."""

SQL = named_queries(STORE)


class SqliteOutbox(StoreConnection):
    """``ports.Outbox`` in ``outbox.db`` of the journal's folder; to be used by one thread at a time."""

    def __init__(self, connection: apsw.Connection, ring: Keyring = NO_KEYS, files: OpenFiles | None = None) -> None:
        super().__init__(connection, STORE, files)
        self._seals = Seals(connection, STORE, ring)
        self._wal = Wal(connection)
        self._to_forget = False
        """Whether the log holds what was purged."""
        self._keys = OperationKeys(connection)

    @classmethod
    def open(
        cls, folder: Path, ring: Keyring = NO_KEYS, *, read_only: bool = False, vfs: str | None = None
    ) -> SqliteOutbox:
        """Open the store that ``folder.make_or_check`` made; raises ``JournalError``, ``StoreFailed``."""
        connection = open_store(folder / FILE, STORE, read_only=read_only, vfs=vfs)
        return cls(connection, ring, None if read_only else files_of(folder / FILE))

    def progress(self, store: str) -> Progress:
        """How far ``store`` has been interpreted."""
        return next((Progress(*row) for row in self._rows(SQL["progress"], (store,))), Progress())

    def last_number(self) -> int:
        """The highest record number given so far."""
        return next((row[0] for row in self._rows(SQL["last_number"])), 0)

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The known operations among ``keys``, with the contents that became their events."""
        wanted = frozenset(keys)
        with failures(STORE):
            found = self._keys.candidates(wanted)
        rows = [row for row in self._rows(SQL["operations"], (json_list(found),)) if row[9] in wanted] if found else []
        if not rows:
            return {}
        seen: dict[int, list[Seen]] = {row[0]: [] for row in rows}
        for operation, *content in self._rows(SQL["contents"], (json_list(seen),)):
            seen[operation].append(Seen(*content))
        return {row[9]: Operation(state_from_row(row), tuple(seen[row[0]]), bytes(row[10])) for row in rows}

    def commit(self, batch: OutboxBatch) -> None:
        """Commit the batch whole, with an fsync; raises ``StoreFailed`` with nothing of it kept."""
        self._need_files()
        self._seals.prepare(days_of(batch.records))
        try:
            with transaction(self._db):
                self._put(batch)
        except BaseException:
            self._keys.forget()
            raise
        self._wal.keep_short()

    def replace(self, record: OutboxRecord) -> None:
        """Put ``record`` in the place of the one with its number; raises ``StoreFailed``."""
        self._seals.prepare(days_of([record]))
        with transaction(self._db):
            self._db.execute(SQL["replace_record"], record_row(self._seals, record))
            said = orjson.loads(record.value)
            entry = entry_of(record)
            if entry is not None:
                self._db.execute(SQL["quarantine_outcome"], (entry.store, entry.number))
                row = (entry.store, entry.number, record.source, said["reason"], said["detail"], record.received_at)
                self._db.execute(SQL["put_quarantine"], (*row, "open", "", record.number))

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Up to ``limit`` records above ``after``, fewer where their values pass ``READ_BYTES_MAX``."""
        records: list[OutboxRecord] = []
        size = 0
        for row in self._rows(SQL["records"], (after, limit)):
            size += len(row[14])
            if records and size > READ_BYTES_MAX:
                break
            records.append(record_from_row(self._seals, row))
        return records

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those that are or were in quarantine."""
        return {
            one: standing_from_row(row)
            for one in ids
            for row in self._rows(SQL["quarantined"], (one.store, one.number))
        }

    def in_quarantine_between(self, first: int, last: int) -> set[int]:
        """The inbox numbers of those in quarantine."""
        return {int(row[0]) for row in self._rows(SQL["in_quarantine_between"], (first, last))}

    def outcomes_between(self, first: int, last: int) -> dict[int, Outcome]:
        """Inbox number → what became of the callback."""
        return {row[1]: Outcome(*row) for row in self._rows(SQL["outcomes_between"], (first, last))}

    def duplicates(self, after: int, limit: int) -> Sequence[int]:
        """Inbox numbers of callbacks that say what another callback said."""
        return [int(row[0]) for row in self._rows(SQL["duplicates"], (after, limit))]

    def last_heard(self) -> dict[str, int]:
        """Source → time of receipt of its newest callback, Unix microseconds."""
        return dict(self._rows(SQL["last_heard"]))

    def record_id(self, number: int) -> str | None:
        """The id of one record."""
        return next((row[0] for row in self._rows(SQL["record_id"], (number,))), None)

    def request_of(self, number: int) -> int | None:
        """The request whose answer became record ``number``."""
        return next((row[0] for row in self._rows(SQL["request_of"], (number,))), None)

    def remembered(self, cluster_id: str) -> Position | None:
        """The local copy for one cluster."""
        return next((Position(*row) for row in self._rows(SQL["remembered"], (cluster_id,))), None)

    def latest_remembered(self) -> tuple[str, Position] | None:
        """The local copy written last."""
        return next(((row[0], Position(*row[1:])) for row in self._rows(SQL["latest_remembered"])), None)

    def remember(self, cluster_id: str, position: Position) -> None:
        """Write the local copy."""
        with transaction(self._db):
            self._db.execute(SQL["remember"], (cluster_id, position.number, position.record_id))

    def topic_partitions(self, cluster_id: str) -> dict[str, int]:
        """Topic → the number of partitions that its keys are spread over."""
        return {topic: int(count) for topic, count in self._rows(SQL["topic_partitions"], (f"{cluster_id}/",))}

    def note_topic_partitions(self, cluster_id: str, partitions: Mapping[str, int]) -> None:
        """Keep such numbers."""
        with transaction(self._db):
            for topic, count in partitions.items():
                self._db.execute(SQL["note_topic_partitions"], (f"{cluster_id}/{topic}", count))

    def settled(self, numbers: Collection[int]) -> set[int]:
        """Those callbacks that are interpreted, published, and not in quarantine."""
        latest = self.latest_remembered()
        published = latest[1].number if latest else 0
        interpreted = self.progress("inbox").number
        found = set()
        for number in numbers:
            rows = self._rows(SQL["settled"], (number,))
            if number <= interpreted and all(row[0] != "quarantine" and (row[1] or 0) <= published for row in rows):
                found.add(number)
        return found if published else set()

    def purge(self, records_before: str | None, contents_before: str | None, limit: int) -> int:
        """Delete up to ``limit`` published events and as many contents older than RFC 3339 times; gives how many."""
        latest = self.latest_remembered()
        published = latest[1].number if latest else 0
        with transaction(self._db):
            old = self._rows(SQL["purgeable_records"], (published, records_before or "", limit))
            self._db.executemany(SQL["purge_record"], ((number,) for number, _ in old))
            if old:
                last = max(callback or 0 for _, callback in old)
                self._db.execute(SQL["purge_outcomes"], (last,))
                self._db.execute(SQL["purge_poll_outcomes"], (old[-1][0],))
                self._db.execute(SQL["purged_to"], (last,))
            count = len(old) + self._forget_contents((contents_before or "")[:10], limit)
        # Once, after the last step of many.
        self._to_forget = count > 0 or (self._to_forget and not self._wal.empty())
        return count

    def _forget_contents(self, before_day: str, limit: int) -> int:
        # Their marks stay with their operations; by record, so that of too many the oldest go.
        rows = sorted(self._rows(SQL["purgeable_contents"], (before_day, limit)), key=lambda row: int(row[3]))
        contents: dict[int, list[Seen]] = {}
        for operation, *content in rows:
            contents.setdefault(operation, []).append(Seen(*content))
        for operation, forgotten in self._rows(SQL["forgotten"], (json_list(contents),)):
            marks = with_contents(bytes(forgotten), contents[operation])
            self._db.execute(SQL["set_forgotten"], (marks, operation))
        self._db.executemany(SQL["purge_content"], ((row[0], row[1]) for row in rows))
        return len(rows)

    def next_record_us(self, after: int) -> int | None:
        """Time of receipt, Unix microseconds, of the first record above ``after``."""
        return next((to_us(row[0]) for row in self._rows(SQL["record_time"], (after,))), None)

    def _put(self, batch: OutboxBatch) -> None:
        stands = self.progress("inbox").number, self.last_number()
        if batch.follows is not None and stands != batch.follows:
            raise StoreFailed(f"the outbox stands at {stands}, not at {batch.follows}: another hand changed it")
        ids = self._put_operations(batch.states)
        insert(self._db, SQL["add_record"], (record_row(self._seals, record) for record in batch.records))
        days = {record.number: record.received_at[:10] for record in batch.records}
        contents = (
            (ids[key], seen.event_id, seen.payload_digest, seen.record, days[seen.record]) for key, seen in batch.seen
        )
        insert(self._db, SQL["add_content"], contents)
        insert(self._db, SQL["add_outcome"], self._outcome_rows(batch.outcomes, ids))
        insert(self._db, SQL["put_quarantine"], map(standing_row, batch.quarantined))
        self._note_sources(batch)
        for store, progress in batch.progress.items():
            self._db.execute(SQL["set_progress"], (store, progress.number, progress.digest))

    def _put_operations(self, states: Mapping[str, OperationState]) -> dict[str, int]:
        numbers, new = self._keys.numbered(states)
        rows = (operation_row(numbers[key], key, state) for key, state in states.items())
        insert(self._db, SQL["put_operation"], rows)
        self._keys.sweep(len(new))
        return numbers

    def _outcome_rows(self, outcomes: Sequence[Outcome], ids: dict[str, int]) -> Iterable[tuple[Any, ...]]:
        # A duplicate's operation may have no new state.
        others = {one.operation for one in outcomes if one.operation is not None and one.operation not in ids}
        ids = ids | self._keys.numbers(others) if others else ids
        for one in outcomes:
            operation = None if one.operation is None else ids.get(one.operation)
            yield one.store, one.number, one.outcome, one.record, operation

    def _note_sources(self, batch: OutboxBatch) -> None:
        for source, at_us in batch.last_heard_us.items():
            self._db.execute(SQL["note_source"], (source, at_us))
        for (source, name), count in batch.unknown_fields.items():
            first_seen = from_us(batch.last_heard_us.get(source, batch.polled_at_us))
            row = (source, name[:UNKNOWN_FIELD_CHARACTERS_MAX], count, first_seen, UNKNOWN_FIELDS_MAX, OTHER_FIELDS)
            self._db.execute(SQL["count_field"], row)
