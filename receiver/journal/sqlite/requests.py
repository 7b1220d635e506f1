"""The requests store on SQLite: what reconcile learnt and what a person asked for, in order.

Several processes may write here, so each request is one short transaction; nobody waits for the inbox or the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.open_files import OpenFiles
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries
from receiver.journal.sqlite.store import StoreConnection, files_of, open_store, transaction
from receiver.model.records import Request
from receiver.model.times import day_of

STORE = "requests"
FILE = "requests.db"
SQL = named_queries(STORE)


class SqliteRequests(StoreConnection):
    """``ports.Requests`` in ``requests.db`` of the journal's folder."""

    def __init__(self, connection: apsw.Connection, ring: Keyring = NO_KEYS, files: OpenFiles | None = None) -> None:
        super().__init__(connection, STORE, files)
        self._seals = Seals(connection, STORE, ring)

    @classmethod
    def open(cls, folder: Path, ring: Keyring = NO_KEYS, *, read_only: bool = False) -> SqliteRequests:
        """Open the store that ``folder.make_or_check`` made; raises ``JournalError``, ``StoreFailed``."""
        connection = open_store(folder / FILE, STORE, read_only=read_only)
        return cls(connection, ring, None if read_only else files_of(folder / FILE))

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Commit one request with an fsync and give its number; raises ``StoreFailed``."""
        self._need_files()
        self._seals.prepare([day_of(made_at_us)])
        with transaction(self._db):
            return add_request(self._db, self._seals, request_type, made_at_us, payload)

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests above ``after``, ascending."""
        rows = self._rows(SQL["read"], (after, limit))
        return [Request(row[0], row[1], row[2], self._payload(row[0], row[3])) for row in rows]

    def _payload(self, number: int, kept: str | bytes) -> Any:
        return orjson.loads(self._seals.open(number, kept) if isinstance(kept, bytes) else kept)

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new store."""
        return next((int(row[0]) for row in self._rows(SQL["last_number"])), 0)


def add_request(
    connection: apsw.Connection, seals: Seals, request_type: str, made_at_us: int, payload: Mapping[str, Any]
) -> int:
    """Add one in the transaction under way and give its number; ``seals`` is prepared for its day.

    Sealed it is a blob, which no plain payload is.
    """
    content = orjson.dumps(payload)
    if not seals.sealing:
        row = next(iter(connection.execute(SQL["add"], (request_type, made_at_us, content.decode()))))
        return int(row[0])
    number = next((int(row[0]) for row in list[Any](connection.execute(SQL["last_number"]))), 0) + 1
    blob = seals.seal(day_of(made_at_us), number, content)
    connection.execute(SQL["add_numbered"], (number, request_type, made_at_us, blob))
    return number
