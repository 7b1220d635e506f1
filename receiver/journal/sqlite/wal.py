"""Keeping a store's write-ahead log short."""

from __future__ import annotations

import contextlib

import apsw

from receiver.journal.sqlite.store import BUSY_TIMEOUT_MS

CHECKPOINT_BYTES = 16 * 1024 * 1024
"""New in a WAL before it is copied: measured, a third of the cost of copying after each batch."""
WAL_BYTES_MAX = 64 * 1024 * 1024
"""Above it the WAL is restarted: a passive checkpoint alone never shrinks one that is always read."""


class Wal:
    """Keeps the WAL of a writer's connection short; the writer asks it after each commit.

    By the pages that a commit reports, and not by the file's size, which stays when the WAL begins anew.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._pages = self._copied = 0
        self._page_bytes = int(connection.pragma("page_size"))
        connection.set_wal_hook(self._note)

    def keep_short(self) -> None:
        """Checkpoint where enough has come together; never raises, since what was to be kept is committed."""
        if (self._pages - self._copied) * self._page_bytes <= CHECKPOINT_BYTES:
            return
        full = self._pages * self._page_bytes > WAL_BYTES_MAX
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if full else apsw.SQLITE_CHECKPOINT_PASSIVE
        with contextlib.suppress(apsw.Error):
            self._db.set_busy_timeout(0)
            try:
                self._db.wal_checkpoint(mode=mode)
                self._copied = self._pages
            finally:
                self._db.set_busy_timeout(BUSY_TIMEOUT_MS)

    def empty(self) -> bool:
        """Empty it, since it holds what was deleted; whether it is. Never raises, and waits for nobody."""
        with contextlib.suppress(apsw.Error):
            self._db.set_busy_timeout(0)
            try:
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                self._pages = self._copied = 0
            finally:
                self._db.set_busy_timeout(BUSY_TIMEOUT_MS)
            return True
        return False

    def _note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:
            self._copied = 0
        self._pages = pages
        return apsw.SQLITE_OK
