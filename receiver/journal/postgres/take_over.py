"""Changing a slot's outbox by hand: taking over what Kafka holds, and undoing what is not on Kafka. One transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from receiver.journal.outbox_values import days_of, record_from_row
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.outbox_put import Stands, move, operation_ids
from receiver.journal.postgres.outbox_rows import columns, operation_columns, record_columns
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import SLOT_SHIFT, HeldSlot, first_record
from receiver.model.callback import JournalEntry, Store, entry_digest
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Position, Progress

STORE = "outbox"
SQL = {**named_queries("outbox"), **named_queries("mend")}


class PostgresTakeOver:
    """``ports.TakeOver`` of one slot: writes beside a running service, which notices that the outbox moved."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> None:
        """Without ``held`` it is slot 0 that is changed."""
        self._db = Database(address, "take over", timeout_s=None)
        self._seals = Seals(self._db, STORE, ring)
        self._slot = held.slot if held else 0
        self._to = first_record(self._slot) + (1 << SLOT_SHIFT) - 1

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
        with self._db.transaction():
            _, inbox_to, inbox_digest, requests_to, requests_digest, last = self._db.rows(SQL["claim"], self._slot)[0]
            progress = {"inbox": Progress(inbox_to, inbox_digest), "requests": Progress(requests_to, requests_digest)}
            undone = self._records(SQL["events_above"], keep_to, self._to)
            moved = self._undo(keep_to, progress, entry_at)
            if records:
                self._db.rows(SQL["put_records"], *record_columns(self._seals, records))
            taken = [record for record in records if record.record_type == "event"]
            for key in dict.fromkeys(map(key_of, (*undone, *taken))):
                self._mend(key, [record for record in taken if key_of(record) == key], fold)
            highest = max((record.number for record in records), default=0)
            move(self._db, self._slot, Stands(progress, last), moved, highest)
            return moved["inbox"].number

    def remember(self, cluster_id: str, position: Position) -> None:
        """Take ``position`` for what this cluster last confirmed."""
        self._db.rows(SQL["remember"], self._slot, cluster_id, position.number, position.record_id)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _undo(
        self, keep_to: int, progress: dict[str, Progress], entry_at: Callable[[int], JournalEntry | None]
    ) -> dict[str, Progress]:
        # Never beyond what is interpreted: what was redriven there while others before it wait to be interpreted again
        # must not have them skipped.
        first = self._db.one(SQL["first_outcome_above"], self._slot, "inbox", keep_to)
        again_from = progress["inbox"].number if first is None else min(progress["inbox"].number, first - 1)
        self._undo_outcomes("inbox", again_from)
        moved = {}
        first_poll = self._db.one(SQL["first_outcome_above"], self._slot, "requests", keep_to)
        if first_poll is not None:
            polls_from = min(progress["requests"].number, first_poll - 1)
            self._undo_outcomes("requests", polls_from)
            moved["requests"] = Progress(polls_from, b"")
        self._db.rows(SQL["undo_contents"], keep_to, self._to)
        self._db.rows(SQL["undo_records"], keep_to, self._to)
        entry = entry_at(again_from)
        return moved | {"inbox": Progress(again_from, entry_digest(entry) if entry else b"")}

    def _undo_outcomes(self, store: Store, after: int) -> None:
        self._db.rows(SQL["undo_outcomes"], self._slot, store, after)

    def _mend(
        self, key: str, taken: list[OutboxRecord], fold: Callable[[Iterable[OutboxRecord]], OperationState]
    ) -> None:
        known = operation_ids(self._db, {key}).get(key)
        events = self._records(SQL["events_of"], known) + taken
        if not events:
            self._db.rows(SQL["drop_operation"], known)
            return
        operation = self._db.rows(SQL["put_operations"], *operation_columns({key: fold(events)}))[0][0]
        contents = {
            record.record_id: (operation, record.record_id, b"", record.number, record.received_at[:10])
            for record in events
        }
        self._db.rows(SQL["put_contents"], *columns(contents.values(), 5))

    def _records(self, sql: str, *bindings: Any) -> list[OutboxRecord]:
        return [record_from_row(self._seals, row) for row in self._db.rows(sql, *bindings)]
