"""A sample of the callbacks that failed verification, whole, in a file of its own, 0600.

Nothing here was proven genuine, so the service never parses it; only ``receiver rejects`` does, in its own process. It
is no store of the journal: it may be deleted, and it is not worth an fsync.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from receiver.journal.sqlite import store as sqlite
from receiver.model.callback import Headers, RawCallback, headers_from_wire, headers_to_wire
from receiver.model.errors import StoreFailed

FILE = "rejects.db"
CREATE = """
CREATE TABLE IF NOT EXISTS rejects (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,
  source         TEXT NOT NULL,
  received_at_us INTEGER NOT NULL,   -- Unix microseconds
  why            TEXT NOT NULL,      -- our short word for it
  headers        BLOB NOT NULL,
  body           BLOB NOT NULL       -- as far as it came
)
"""
ADD = "INSERT INTO rejects (source, received_at_us, why, headers, body) VALUES (?, ?, ?, ?, ?)"
PRUNE = "DELETE FROM rejects WHERE number <= (SELECT seq FROM sqlite_sequence WHERE name = 'rejects') - ?"
LIST = "SELECT number, source, received_at_us, why, headers, body FROM rejects ORDER BY number DESC LIMIT ?"
GET = "SELECT number, source, received_at_us, why, headers, body FROM rejects WHERE number = ?"


@dataclass(frozen=True, slots=True)
class Reject:
    """One callback that was refused, and why."""

    number: int
    why: str
    raw: RawCallback


class SqliteRejects:
    """The sample; to be used by one thread at a time."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        path = folder / FILE
        self._db = sqlite.connect(path, create=not read_only, read_only=read_only)
        if not read_only:
            self._db.pragma("synchronous", "off")
            self._db.pragma("wal_autocheckpoint", 200)
            self._db.execute(CREATE)

    def add(self, raw: RawCallback, why: str, kept_max: int) -> None:
        """Keep one, and forget all but the newest ``kept_max``; raises ``StoreFailed``."""
        row = (raw.source, raw.received_at_us, why, headers_to_wire(raw.headers), raw.body)
        with sqlite.transaction(self._db):
            self._db.execute(ADD, row)
            self._db.execute(PRUNE, (kept_max,))

    def newest(self, limit: int) -> list[Reject]:
        """The newest ones first; raises ``StoreFailed``."""
        return self._read(LIST, limit)

    def get(self, number: int) -> Reject | None:
        """One of them; raises ``StoreFailed``."""
        return next(iter(self._read(GET, number)), None)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _read(self, sql: str, binding: int) -> list[Reject]:
        try:
            rows: list[Any] = list(self._db.execute(sql, (binding,)))
        except apsw.Error as error:
            raise StoreFailed(f"rejects: {error}") from error
        return [Reject(row[0], row[3], RawCallback(row[1], row[2], _headers(row[4]), bytes(row[5]))) for row in rows]


def _headers(wire: bytes) -> Headers:
    return headers_from_wire(bytes(wire))
