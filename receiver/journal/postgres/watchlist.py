"""``Watchlist`` on PostgreSQL: an answer, and the note that it was given, are one commit."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.requests import STORE, add_request
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import HeldSlot
from receiver.journal.watchlist import NEVER_US, Watched, WatchUpdate
from receiver.model.callback import Resource
from receiver.model.times import day_of

SQL = named_queries("watch")


class PostgresWatchlist:
    """The store; to be used by one thread at a time, and by several processes."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> None:
        """Each slot's outbox is followed by itself, and its answers are interpreted by its own interpreter."""
        self._db = Database(address, "watchlist")
        self._slot = held.slot if held else 0
        self._outbox = ("", f"outbox.{self._slot}" if self._slot else "outbox")
        self._seals = Seals(self._db, STORE, ring)

    def outbox_read_to(self) -> int:
        """The outbox number up to which records were looked at."""
        return self._read_to(*self._outbox)

    def apply(self, updates: Sequence[WatchUpdate], up_to: int) -> None:
        """Take what was found, in one commit."""
        with self._db.transaction():
            for one in updates:
                if one.due_us is None:
                    self._db.rows(SQL["forget"], one.source, one.operation_id)
                else:
                    row = (one.source, one.operation_id, one.at_us, one.due_us, one.reopen)
                    self._db.rows(SQL["open_watch"], *row)
            self._db.rows(SQL["set_read_to"], *self._outbox, up_to)

    def track(self, source: str, operation_id: str, now_us: int) -> None:
        """Watch an operation, and ask at once."""
        self.make_due(source, [operation_id], now_us)

    def due(self, source: str, now_us: int, limit: int) -> list[Watched]:
        """Open operations that are due."""
        return [Watched(*row) for row in self._db.rows(SQL["due"], source, now_us, limit)]

    def open_ids(self, source: str) -> set[str]:
        """All open operations of a source."""
        return {row[0] for row in self._db.rows(SQL["open_ids"], source)}

    def answered(self, source: str, resource: Resource, *, now_us: int, due_us: int, after: int) -> bool:
        """Keep an answer, unless it says what the last one said."""
        self._seals.prepare([day_of(now_us)])
        with self._db.transaction():
            known = self._db.one(SQL["digest"], source, resource.operation_id) or b""
            news = bool(known != resource.digest)
            if news:
                payload = {"source": source, "operation": resource.operation_id, "after": after}
                payload["body"] = resource.text.decode()
                add_request(self._db, self._seals, "poll", now_us, payload, self._slot)
            state, due = ("closed", NEVER_US) if resource.terminal else ("open", due_us)
            self._db.rows(SQL["answered"], source, resource.operation_id, now_us, due, state, resource.digest)
        return news

    def failed(self, one: Watched, why: str, due_us: int, *, give_up: bool) -> None:
        """Note that there was no usable answer."""
        self._db.rows(SQL["failed"], one.source, one.operation_id, due_us, "given_up" if give_up else "open", why)

    def discover(self, source: str, operation_ids: Sequence[str], now_us: int) -> int:
        """Watch those that are not known yet."""
        return len(self._db.rows(SQL["discover"], source, list(operation_ids), now_us))

    def make_due(self, source: str, operation_ids: Sequence[str], now_us: int) -> None:
        """Ask for these at once."""
        with self._db.transaction():
            for operation_id in operation_ids:
                self._db.rows(SQL["open_watch"], source, operation_id, now_us, now_us, True)  # noqa: FBT003

    def scanned_us(self, source: str, scan: str) -> int:
        """When a scan was last begun that was read whole."""
        return self._read_to(source, scan)

    def scanned(self, source: str, scan: str, at_us: int) -> None:
        """Note that a scan was read whole."""
        self._db.rows(SQL["set_read_to"], source, scan, at_us)

    def next_nonce(self, key: str, now_ms: int) -> int:
        """The next nonce of an API key."""
        return int(self._db.one(SQL["next_nonce"], key, now_ms))

    def counts(self, source: str, overdue_before_us: int) -> tuple[int, int]:
        """(open, overdue)."""
        row = self._db.rows(SQL["counts"], source, overdue_before_us)[0]
        return int(row[0]), int(row[1])

    def listed(self, limit: int) -> list[Watched]:
        """Those that are not closed, the oldest first."""
        return [Watched(*row) for row in self._db.rows(SQL["listed"], limit)]

    def forget_closed(self, before_us: int) -> None:
        """Forget operations that were over before a time."""
        self._db.rows(SQL["forget_closed"], before_us)

    def old_answers(self, before_us: int, interpreted: int, limit: int) -> list[int]:
        """Request numbers of answers from before a time."""
        return [int(row[0]) for row in self._db.rows(SQL["old_answers"], before_us, interpreted, limit, self._slot)]

    def purge_answers(self, numbers: Sequence[int]) -> None:
        """Delete these answers."""
        self._db.rows(SQL["purge_answers"], list(numbers))

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _read_to(self, source: str, name: str) -> int:
        return int(self._db.one(SQL["read_to"], source, name) or 0)
