"""A sample of the callbacks that failed verification, whole, in a file of its own, 0600.

Nothing here was proven genuine, so the service never parses it; only ``receiver rejects`` does, in its own process. It
is no store of the journal: it may be deleted, and it is not worth an fsync.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import apsw

from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.inbox_rows import SEALED_HEADERS, content_of, seal_content
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.journal.sqlite.store import StoreConnection, connect, transaction
from receiver.model.callback import RawCallback, headers_to_wire
from receiver.model.errors import NothingRefused
from receiver.model.records import Reject
from receiver.model.times import day_of

STORE = "rejects"
FILE = "rejects.db"
SQL = named_queries(STORE)


class SqliteRejects(StoreConnection):
    """``ports.Rejects``; to be used by one thread at a time."""

    def __init__(self, folder: Path, ring: Keyring = NO_KEYS, *, read_only: bool = False) -> None:
        """Open it; raises ``NothingRefused`` where it is to be read and there is none yet, ``StoreFailed``."""
        path = folder / FILE
        if read_only and not path.exists():
            raise NothingRefused(f"there are no rejects in {folder}: nothing was refused yet, or no service ran")
        super().__init__(connect(path, create=not read_only, read_only=read_only), STORE)
        if not read_only:
            self._db.pragma("synchronous", "off")
            self._db.pragma("wal_autocheckpoint", 200)
            columns = {row[1] for row in self._db.execute(SQL["columns"])}
            if columns and "near" not in columns:
                self._db.execute(SQL["add_near"])  # of an older release
            self._db.execute(schema(STORE))
        self._seals = Seals(self._db, STORE, ring)

    def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
        """As the port says; raises ``StoreFailed``."""
        self._seals.prepare([day_of(raw.received_at_us)])
        with transaction(self._db):
            self._db.execute(SQL["add"], self._row(raw, why, near))
            self._db.execute(SQL["prune"], (kept_max,))

    def forget_before(self, before_us: int) -> int:
        """Forget what was received before a time; raises ``StoreFailed``."""
        with transaction(self._db):
            before = self._db.total_changes()
            self._db.execute(SQL["forget_before"], (before_us,))
            count = self._db.total_changes() - before
        if count:
            with contextlib.suppress(apsw.Error):  # where somebody reads it, the log is overwritten soon
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return count

    def newest(self, limit: int) -> list[Reject]:
        """The newest ones first; raises ``StoreFailed``."""
        return self._read("newest", limit)

    def get(self, number: int) -> Reject | None:
        """One of them; raises ``StoreFailed``."""
        return next(iter(self._read("one", number)), None)

    def _read(self, query: str, binding: int) -> list[Reject]:
        return [
            Reject(number, why, RawCallback(source, at_us, *content_of(self._seals, number, headers, body)))
            for number, source, at_us, why, headers, body in self._rows(SQL[query], (binding,))
        ]

    def _row(self, raw: RawCallback, why: str, near: int) -> tuple[Any, ...]:
        # In the transaction that adds it: what is sealed is bound to the number.
        number = next((int(row[0]) for row in list[Any](self._db.execute(SQL["last_number"]))), 0) + 1
        at_us = raw.received_at_us
        if self._seals.sealing:
            return number, raw.source, at_us, why, near, SEALED_HEADERS, seal_content(self._seals, number, raw)
        return number, raw.source, at_us, why, near, headers_to_wire(raw.headers), raw.body
