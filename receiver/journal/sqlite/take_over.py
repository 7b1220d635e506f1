"""Changing an outbox by hand: taking over what Kafka holds, and undoing what is not on Kafka. One transaction each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from receiver.journal.outbox_values import days_of, record_from_row, record_row
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.operation_keys import OperationKeys
from receiver.journal.sqlite.outbox import FILE, STORE
from receiver.journal.sqlite.outbox_rows import operation_row
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries
from receiver.journal.sqlite.store import StoreConnection, open_store, transaction
from receiver.model.callback import JournalEntry, entry_digest
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Position

SQL = {**named_queries("outbox"), **named_queries("mend")}


class SqliteTakeOver(StoreConnection):
    """``ports.TakeOver``: writes to ``outbox.db`` beside a running service, which notices that the outbox moved."""

    def __init__(self, folder: Path, ring: Keyring = NO_KEYS) -> None:
        super().__init__(open_store(folder / FILE, STORE, read_only=False), STORE)
        self._keys = OperationKeys(self._db)
        self._seals = Seals(self._db, STORE, ring)

    def take_over(
        self,
        keep_to: int,
        records: Sequence[OutboxRecord],
        *,
        key_of: Callable[[OutboxRecord], str],
        fold: Callable[[Iterable[OutboxRecord]], OperationState],
        entry_at: Callable[[int], JournalEntry | None],
    ) -> int:
        """Undo our records above ``keep_to``, put ``records`` in their place, mend the operations.

        Gives the inbox number after which callbacks will be interpreted again. Raises ``StoreFailed``; then nothing
        has changed.
        """
        self._seals.prepare(days_of(records))
        try:
            with transaction(self._db):
                undone = self._records(SQL["events_above"], (keep_to,))
                again_from = self._undo(keep_to, entry_at)
                self._db.executemany(SQL["put_record"], [record_row(self._seals, record) for record in records])
                taken = [record for record in records if record.record_type == "event"]
                for key in dict.fromkeys(map(key_of, (*undone, *taken))):
                    self._mend(key, [record for record in taken if key_of(record) == key], fold)
                return again_from
        except BaseException:
            self._keys.forget()
            raise

    def remember(self, cluster_id: str, position: Position) -> None:
        """Take ``position`` for what this cluster last confirmed."""
        with transaction(self._db):
            self._db.execute(SQL["remember"], (cluster_id, position.number, position.record_id))

    def _undo(self, keep_to: int, entry_at: Callable[[int], JournalEntry | None]) -> int:
        found = next(iter(self._db.execute(SQL["first_outcome_above"], (keep_to,))))[0]
        again_from = self._not_beyond("inbox", found)
        self._db.execute(SQL["undo_outcomes"], ("inbox", again_from))
        first_poll = next(iter(self._db.execute(SQL["first_poll_above"], (keep_to,))))[0]
        if first_poll is not None:
            polls_from = self._not_beyond("requests", first_poll)
            self._db.execute(SQL["undo_outcomes"], ("requests", polls_from))
            self._db.execute(SQL["set_progress"], ("requests", polls_from, b""))
        self._db.execute(SQL["undo_contents"], (keep_to,))
        self._db.execute(SQL["undo_records"], (keep_to,))
        entry = entry_at(again_from)
        self._db.execute(SQL["set_progress"], ("inbox", again_from, entry_digest(entry) if entry else b""))
        return again_from

    def _not_beyond(self, store: str, first: int | None) -> int:
        # The number before the first that is undone. Never beyond what is interpreted: what was redriven there while
        # others before it wait to be interpreted again must not have them skipped.
        interpreted = next((int(row[0]) for row in list[Any](self._db.execute(SQL["progress"], (store,)))), 0)
        return interpreted if first is None else min(interpreted, int(first) - 1)

    def _mend(
        self, key: str, taken: list[OutboxRecord], fold: Callable[[Iterable[OutboxRecord]], OperationState]
    ) -> None:
        known = self._keys.numbers([key]).get(key)
        events = self._records(SQL["events_of"], (known,)) + taken
        if not events:
            for query in ("drop_contents", "leave_outcomes", "drop_operation"):
                self._db.execute(SQL[query], (known,))
            return
        operation = self._keys.numbered([key])[0][key]
        self._db.execute(SQL["put_operation"], operation_row(operation, key, fold(events)))
        self._keys.put_at_once(key, operation)
        for record in events:
            day = record.received_at[:10]
            self._db.execute(SQL["add_content"], (operation, record.record_id, b"", record.number, day))

    def _records(self, sql: str, bindings: tuple[Any, ...]) -> list[OutboxRecord]:
        return [record_from_row(self._seals, row) for row in list[Any](self._db.execute(sql, bindings))]
