"""What people look up, on PostgreSQL: all slots as one, over a connection of its own, which only reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import astuple

from receiver.journal.outbox_values import record_from_row, standing_from_row
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.outbox import READ_BYTES_MAX, STORE
from receiver.journal.postgres.outbox_put import operation_ids
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.search import OPERATIONS_MAX, EventFilter, FoundOperation, UnknownField
from receiver.model.callback import EntryId
from receiver.model.operation import key_part
from receiver.model.records import OutboxRecord, Outcome, Quarantined, QuarantineFilter

SQL = named_queries("search")


class PostgresSearch:
    """``search.Search``; to be used by one thread at a time."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS) -> None:
        self._db = Database(address, "search")
        self._seals = Seals(self._db, STORE, ring)

    def operations_by_key(self, keys: Collection[str]) -> list[FoundOperation]:
        """Those among ``keys`` that are known, in the order of their numbers."""
        found = operation_ids(self._db, set(keys))
        return sorted((FoundOperation(number, key) for key, number in found.items()), key=lambda one: one.number)

    def operations_by_id(self, operation_id: str) -> list[FoundOperation]:
        """Those with this id of their provider, the last part of the key: reads every operation."""
        rows = self._db.rows(SQL["operations_by_id"], f":{key_part(operation_id)}", OPERATIONS_MAX)
        return [FoundOperation(*row) for row in rows]

    def operations_by_prefix(self, prefix: str) -> list[FoundOperation]:
        """Those whose id of their provider begins so: reads every operation."""
        rows = self._db.rows(SQL["operations_by_prefix"], key_part(prefix), OPERATIONS_MAX)
        return [FoundOperation(*row) for row in rows]

    def events(self, wanted: EventFilter, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Events above ``after`` that the filter lets through, fewer where their values pass ``READ_BYTES_MAX``."""
        rows = self._db.rows(SQL["events"], after, *astuple(wanted), limit, READ_BYTES_MAX)
        return [record_from_row(self._seals, row) for row in rows]

    def arrivals(self, operation: int) -> list[Outcome]:
        """What became of each entry about one operation."""
        return [Outcome(*row) for row in self._db.rows(SQL["arrivals"], operation)]

    def records_of(self, operation: int) -> list[int]:
        """Outbox numbers of an operation's events."""
        return [int(row[0]) for row in self._db.rows(SQL["records_of"], operation)]

    def record(self, number: int) -> OutboxRecord | None:
        """One outbox record."""
        return next(iter(self.records([number])), None)

    def records(self, numbers: Sequence[int]) -> Sequence[OutboxRecord]:
        """Those among some that are there, in one question."""
        rows = {row[0]: row for row in self._db.rows(SQL["records"], list(numbers))}
        return [record_from_row(self._seals, rows[number]) for number in numbers if number in rows]

    def quarantine(self, wanted: QuarantineFilter, after: EntryId | None, limit: int) -> Sequence[Quarantined]:
        """Standings above ``after`` that the filter lets through."""
        start = ("", 0) if after is None else (after.store, after.number)
        filters = (wanted.source, wanted.reason, wanted.since, wanted.until, wanted.state)
        return [standing_from_row(row) for row in self._db.rows(SQL["quarantine"], *start, *filters, limit)]

    def drift(self) -> list[UnknownField]:
        """Unknown fields by source, the most frequent first."""
        return [UnknownField(*row) for row in self._db.rows(SQL["drift"])]

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
