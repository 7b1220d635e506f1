"""What people look up, on SQLite: a connection of its own to the outbox, which only reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import astuple
from pathlib import Path

from receiver.journal.outbox_values import record_from_row, standing_from_row
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.search import OPERATIONS_MAX, EventFilter, FoundOperation, UnknownField
from receiver.journal.sqlite.operation_keys import OperationKeys
from receiver.journal.sqlite.outbox import FILE, READ_BYTES_MAX, STORE
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries
from receiver.journal.sqlite.store import StoreConnection, failures, open_store
from receiver.model.callback import EntryId
from receiver.model.operation import key_part
from receiver.model.records import OutboxRecord, Outcome, Quarantined, QuarantineFilter

SQL = named_queries("search")
STRETCH = 50_000
"""Numbers that one statement looks through for events: some 20 ms, so that the WAL can be restarted."""


class SqliteSearch(StoreConnection):
    """``search.Search``; to be used by one thread at a time."""

    def __init__(self, folder: Path, ring: Keyring = NO_KEYS) -> None:
        super().__init__(open_store(folder / FILE, STORE, read_only=True), STORE)
        self._keys = OperationKeys(self._db)
        self._seals = Seals(self._db, STORE, ring)

    def operations_by_key(self, keys: Collection[str]) -> list[FoundOperation]:
        """Those among ``keys`` that are known, in the order of their numbers."""
        with failures(STORE):
            found = self._keys.numbers_once(keys)
        return sorted((FoundOperation(number, key) for key, number in found.items()), key=lambda one: one.number)

    def operations_by_id(self, operation_id: str) -> list[FoundOperation]:
        """Those with this id of their provider, the last part of the key: reads every operation."""
        rows = self._rows(SQL["operations_by_id"], (f":{key_part(operation_id)}".encode(), OPERATIONS_MAX))
        return [FoundOperation(*row) for row in rows]

    def operations_by_prefix(self, prefix: str) -> list[FoundOperation]:
        """Those whose id of their provider begins so: reads every operation."""
        rows = self._rows(SQL["operations_by_prefix"], (key_part(prefix), OPERATIONS_MAX))
        return [FoundOperation(*row) for row in rows]

    def events(self, wanted: EventFilter, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Events above ``after`` that the filter lets through, fewer where their values pass ``READ_BYTES_MAX``."""
        last = next((int(row[0]) for row in self._rows(SQL["last_record"])), 0)
        records: list[OutboxRecord] = []
        size = 0
        while after < last and len(records) < limit:
            stretch = (after, after + STRETCH, *astuple(wanted), limit - len(records))
            for row in self._rows(SQL["events"], stretch):
                size += len(row[14])
                if records and size > READ_BYTES_MAX:
                    return records
                records.append(record_from_row(self._seals, row))
            after += STRETCH
        return records

    def arrivals(self, operation: int) -> list[Outcome]:
        """What became of each entry about one operation."""
        return [Outcome(*row) for row in self._rows(SQL["arrivals"], (operation,))]

    def records_of(self, operation: int) -> list[int]:
        """Outbox numbers of an operation's events."""
        return [int(row[0]) for row in self._rows(SQL["records_of"], (operation,))]

    def record(self, number: int) -> OutboxRecord | None:
        """One outbox record."""
        return next((record_from_row(self._seals, row) for row in self._rows(SQL["record"], (number,))), None)

    def records(self, numbers: Sequence[int]) -> Sequence[OutboxRecord]:
        """Those among some that are there."""
        found = (self.record(number) for number in numbers)
        return [record for record in found if record is not None]

    def quarantine(self, wanted: QuarantineFilter, after: EntryId | None, limit: int) -> Sequence[Quarantined]:
        """Standings above ``after`` that the filter lets through."""
        start = ("", 0) if after is None else (after.store, after.number)
        filters = (wanted.source, wanted.reason, wanted.since, wanted.until, wanted.state)
        return [standing_from_row(row) for row in self._rows(SQL["quarantine"], (*start, *filters, limit))]

    def drift(self) -> list[UnknownField]:
        """Unknown fields by source, the most frequent first."""
        return [UnknownField(*row) for row in self._rows(SQL["drift"])]
