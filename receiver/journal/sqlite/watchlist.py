"""``Watchlist`` on SQLite, in ``requests.db``: an answer, and the note that it was given, are one commit.

Its tables are made where they are missing, so that a journal from before reconcile is taken as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.requests import FILE, STORE, add_request
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.journal.sqlite.store import StoreConnection, open_store, transaction
from receiver.journal.sqlite.wal import Wal
from receiver.journal.watchlist import NEVER_US, Watched, WatchUpdate
from receiver.model.callback import Resource
from receiver.model.times import day_of

SQL = named_queries("watch")
OUTBOX = ("", "outbox")


class SqliteWatchlist(StoreConnection):
    """The store; to be used by one thread at a time, and by several processes."""

    def __init__(self, folder: Path, ring: Keyring = NO_KEYS) -> None:
        """Open it; raises ``JournalError``, ``StoreFailed``."""
        super().__init__(open_store(folder / FILE, STORE, read_only=False), STORE)
        self._wal = Wal(self._db)
        self._seals = Seals(self._db, STORE, ring)
        with transaction(self._db):
            self._db.execute(schema("watch"))

    def outbox_read_to(self) -> int:
        """The outbox number up to which records were looked at."""
        return self._read_to(*OUTBOX)

    def apply(self, updates: Sequence[WatchUpdate], up_to: int) -> None:
        """Take what was found, in one commit."""
        with transaction(self._db):
            for one in updates:
                if one.due_us is None:
                    self._db.execute(SQL["forget"], (one.source, one.operation_id))
                else:
                    row = (one.source, one.operation_id, one.at_us, one.due_us, int(one.reopen))
                    self._db.execute(SQL["open_watch"], row)
            self._db.execute(SQL["set_read_to"], (*OUTBOX, up_to))
        self._wal.keep_short()

    def track(self, source: str, operation_id: str, now_us: int) -> None:
        """Watch an operation, and ask at once."""
        self.make_due(source, [operation_id], now_us)

    def due(self, source: str, now_us: int, limit: int) -> list[Watched]:
        """Open operations that are due."""
        return [Watched(*row) for row in self._rows(SQL["due"], (source, now_us, limit))]

    def open_ids(self, source: str) -> set[str]:
        """All open operations of a source."""
        return {row[0] for row in self._rows(SQL["open_ids"], (source,))}

    def answered(self, source: str, resource: Resource, *, now_us: int, due_us: int, after: int) -> bool:
        """Keep an answer, unless it says what the last one said."""
        self._seals.prepare([day_of(now_us)])
        with transaction(self._db):
            known = next((bytes(row[0]) for row in self._rows(SQL["digest"], (source, resource.operation_id))), b"")
            news = known != resource.digest
            if news:
                payload = {"source": source, "operation": resource.operation_id, "after": after}
                payload["body"] = resource.text.decode()
                add_request(self._db, self._seals, "poll", now_us, payload)
            state, due = ("closed", NEVER_US) if resource.terminal else ("open", due_us)
            self._db.execute(SQL["answered"], (source, resource.operation_id, now_us, due, state, resource.digest))
        self._wal.keep_short()
        return news

    def failed(self, one: Watched, why: str, due_us: int, *, give_up: bool) -> None:
        """Note that there was no usable answer."""
        with transaction(self._db):
            state = "given_up" if give_up else "open"
            self._db.execute(SQL["failed"], (one.source, one.operation_id, due_us, state, why))

    def discover(self, source: str, operation_ids: Sequence[str], now_us: int) -> int:
        """Watch those that are not known yet."""
        before = self._db.total_changes()
        with transaction(self._db):
            for operation_id in operation_ids:
                self._db.execute(SQL["discover"], (source, operation_id, now_us))
        return self._db.total_changes() - before

    def make_due(self, source: str, operation_ids: Sequence[str], now_us: int) -> None:
        """Ask for these at once."""
        with transaction(self._db):
            for operation_id in operation_ids:
                self._db.execute(SQL["open_watch"], (source, operation_id, now_us, now_us, 1))

    def scanned_us(self, source: str, scan: str) -> int:
        """When a scan was last begun that was read whole."""
        return self._read_to(source, scan)

    def scanned(self, source: str, scan: str, at_us: int) -> None:
        """Note that a scan was read whole."""
        with transaction(self._db):
            self._db.execute(SQL["set_read_to"], (source, scan, at_us))

    def next_nonce(self, key: str, now_ms: int) -> int:
        """The next nonce of an API key."""
        with transaction(self._db):
            return int(self._rows(SQL["next_nonce"], (key, now_ms))[0][0])

    def counts(self, source: str, overdue_before_us: int) -> tuple[int, int]:
        """(open, overdue)."""
        row = self._rows(SQL["counts"], (source, overdue_before_us))[0]
        return int(row[0]), int(row[1])

    def listed(self, limit: int) -> list[Watched]:
        """Those that are not closed, the oldest first."""
        return [Watched(*row) for row in self._rows(SQL["listed"], (limit,))]

    def forget_closed(self, before_us: int) -> None:
        """Forget operations that were over before a time."""
        with transaction(self._db):
            self._db.execute(SQL["forget_closed"], (before_us,))

    def old_answers(self, before_us: int, interpreted: int, limit: int) -> list[int]:
        """Request numbers of answers from before a time."""
        return [int(row[0]) for row in self._rows(SQL["old_answers"], (before_us, interpreted, limit))]

    def purge_answers(self, numbers: Sequence[int]) -> None:
        """Delete these answers."""
        with transaction(self._db):
            self._db.executemany(SQL["purge_answer"], ((number,) for number in numbers))
        self._wal.empty()  # it holds them still; where others read just now, the next purge does it

    def _read_to(self, source: str, name: str) -> int:
        return next((int(row[0]) for row in self._rows(SQL["read_to"], (source, name))), 0)
