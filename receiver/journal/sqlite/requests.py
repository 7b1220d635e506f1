"""The requests store on SQLite: what reconcile learnt and what a person asked for, in order.

Several processes may write here, so each request is one short transaction; nobody waits for the inbox or the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.sqlite import store as sqlite
from receiver.model.errors import StoreFailed
from receiver.model.records import Request

STORE = "requests"
FILE = "requests.db"

ADD = "INSERT INTO requests (request_type, made_at_us, payload) VALUES (?, ?, ?) RETURNING number"
READ = "SELECT number, request_type, made_at_us, payload FROM requests WHERE number > ? ORDER BY number LIMIT ?"
LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'requests'"


class SqliteRequests:
    """``ports.RequestsReader``, and the way to write, in ``requests.db`` of the journal's folder."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> SqliteRequests:
        """Open the store that ``sqlite_journal.open_journal`` made; raises ``JournalError``, ``StoreFailed``."""
        path = folder / FILE
        connection = sqlite.connect(path, read_only=read_only)
        sqlite.read_meta(connection, path, STORE)
        return cls(connection)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Commit one request with an fsync and give its number; raises ``StoreFailed``."""
        with sqlite.transaction(self._db):
            row = next(iter(self._db.execute(ADD, (request_type, made_at_us, orjson.dumps(payload).decode()))))
        return int(row[0])

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests above ``after``, ascending."""
        try:
            rows: list[Any] = list(self._db.execute(READ, (after, limit)))
        except apsw.Error as error:
            raise StoreFailed(f"requests: {error}") from error
        return [Request(row[0], row[1], row[2], orjson.loads(row[3])) for row in rows]

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new store."""
        return next((int(row[0]) for row in list[Any](self._db.execute(LAST))), 0)
