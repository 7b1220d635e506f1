"""The requests store on SQLite: what reconcile learnt and what a person asked for, in order.

Several processes may write here, so each request is one short transaction; nobody waits for the inbox or the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.sqlite.statements import named_queries
from receiver.journal.sqlite.store import StoreConnection, open_store, transaction
from receiver.model.records import Request

STORE = "requests"
FILE = "requests.db"
SQL = named_queries(STORE)


class SqliteRequests(StoreConnection):
    """``ports.Requests`` in ``requests.db`` of the journal's folder."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, STORE)

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> SqliteRequests:
        """Open the store that ``folder.make_or_check`` made; raises ``JournalError``, ``StoreFailed``."""
        return cls(open_store(folder / FILE, STORE, read_only=read_only))

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Commit one request with an fsync and give its number; raises ``StoreFailed``."""
        with transaction(self._db):
            row = next(iter(self._db.execute(SQL["add"], (request_type, made_at_us, orjson.dumps(payload).decode()))))
        return int(row[0])

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests above ``after``, ascending."""
        rows = self._rows(SQL["read"], (after, limit))
        return [Request(row[0], row[1], row[2], orjson.loads(row[3])) for row in rows]

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new store."""
        return next((int(row[0]) for row in self._rows(SQL["last_number"])), 0)
