"""A sample of the callbacks that failed verification, whole. Nothing here was proven genuine."""

from __future__ import annotations

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox_rows import content_of, seal_content
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.model.callback import RawCallback, headers_to_wire
from receiver.model.errors import NothingRefused
from receiver.model.records import Reject
from receiver.model.times import day_of

STORE = "rejects"
SQL = named_queries(STORE)


class PostgresRejects:
    """``ports.Rejects``; to be used by one thread at a time."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, *, write: bool = False) -> None:
        """Open it; raises ``NothingRefused`` where it is to be read and there is none yet, ``StoreFailed``."""
        self._db = Database(address, STORE)
        self._seals = Seals(self._db, STORE, ring)
        if write:
            self._db.rows(SQL["make"])
        elif not self._db.rows(SQL["is_there"]):
            self._db.close()
            raise NothingRefused("there are no rejects in the database: nothing was refused yet, or no service ran")

    def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
        """As the port says; raises ``StoreFailed``."""
        self._seals.prepare([day_of(raw.received_at_us)])
        with self._db.transaction():
            self._db.rows(SQL["hurry"])
            number = int(self._db.one(SQL["next_number"]))
            headers: bytes | None = headers_to_wire(raw.headers)
            body = raw.body
            if self._seals.sealing:
                headers, body = None, seal_content(self._seals, number, raw)
            self._db.rows(SQL["add"], number, raw.source, raw.received_at_us, why, near, headers, body)
            self._db.rows(SQL["prune"], kept_max)

    def forget_before(self, before_us: int) -> int:
        """Forget what was received before a time; raises ``StoreFailed``."""
        return len(self._db.rows(SQL["forget_before"], before_us))

    def newest(self, limit: int) -> list[Reject]:
        """The newest ones first; raises ``StoreFailed``."""
        return self._read("newest", limit)

    def get(self, number: int) -> Reject | None:
        """One of them; raises ``StoreFailed``."""
        return next(iter(self._read("one", number)), None)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _read(self, query: str, bound: int) -> list[Reject]:
        return [
            Reject(number, why, RawCallback(source, at_us, *content_of(self._seals, number, headers, body)))
            for number, source, at_us, why, headers, body in self._db.rows(SQL[query], bound)
        ]
