"""The inbox on PostgreSQL, to read.

Theory of operation. Several processes append at once, and the one with the lower number may commit later. A reader must
never see a number before a lower one, since it goes on after the highest that it has seen. So a number is the
transaction's id times 1024, with the place in its commit, and nothing is read at or above the *horizon*: the lowest id
whose transaction has not ended. Below it everything has committed or never will, and one statement sees all of that.

The horizon stands still while any transaction that has written something is open, in whichever database of the server.
Nothing is lost then, and events wait. So where it has not moved for a while and a read finds nothing, we look which of
the open transactions can be appends at all: they hold a writer's lock on the table, which is taken before a transaction
gets its id and kept to its end. What is below the lowest of those, and below the next id of a snapshot that was taken
*before* that look, can be read. Snapshot, locks, read: three statements, in this order and no other. A transaction can
be in the snapshot a moment before its id is seen among the locks, so while one with that lock shows no id nothing is
known.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from receiver.journal.ports import WAITING_MAX
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox_rows import content_of, entry_from_row
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import HeldSlot
from receiver.model.callback import JournalEntry

STORE = "inbox"
READ_BYTES_MAX = 8 * 1024 * 1024
"""Of bodies in one ``read``; the first is given whatever its size."""
STILL_S = 0.2
"""A horizon that has not moved for so long is looked at more closely; other appends take milliseconds."""
LOOKS = 3
"""At the open appends, until each shows its id; then the next read looks again."""
XID_BITS = 32
PLACES = 1024
"""Numbers of one transaction."""

SQL = named_queries(STORE)


class PostgresInboxReader:
    """``ports.InboxReader`` of one slot, or of all; to be used by one thread at a time."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> None:
        self._db = Database(address, STORE)
        self._seals = Seals(self._db, STORE, ring)
        self._slot = held.slot if held else None
        self._horizon = 0
        self._since_s = 0.0
        """When the horizon was first seen where it is."""

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Up to ``limit`` entries above ``after``, fewer where their bodies pass ``READ_BYTES_MAX``."""
        found = self._entries(after, limit, None)
        if not found:
            below = self._cleared()
            found = self._entries(after, limit, below) if below else found
        return found

    def entry(self, number: int) -> JournalEntry | None:
        """One entry, None where it was purged or never was."""
        return next((entry_from_row(self._seals, row) for row in self._db.rows(SQL["entry"], number)), None)

    def bodies_below(self, number: int, limit: int) -> Sequence[tuple[int, str, bytes]]:
        """The callbacks before ``number``, the newest first, without their headers."""
        rows = self._db.rows(SQL["bodies_below"], number, limit, self._slot, READ_BYTES_MAX)
        return [
            (at, source, content_of(self._seals, at, None, kept)[1] if is_sealed else kept)
            for at, source, is_sealed, kept in rows
        ]

    def last_number(self) -> int:
        """The highest number given so far that can be read."""
        return int(self._db.one(SQL["last_number"], self._slot))

    def waiting(self, after: int) -> int:
        """How many callbacks have a number above ``after``."""
        return int(self._db.one(SQL["waiting"], after, self._slot, WAITING_MAX))

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """(number, time of receipt) of callbacks above ``after``, ascending."""
        return [(int(row[0]), int(row[1])) for row in self._db.rows(SQL["ages"], after, limit, self._slot)]

    def next_between(self, after: int, since_us: int, until_us: int) -> int | None:
        """The lowest number above ``after`` whose callback was received in that time."""
        found = self._db.one(SQL["next_between"], after, since_us, until_us, self._slot)
        return None if found is None else int(found)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _entries(self, after: int, limit: int, below: int | None) -> list[JournalEntry]:
        rows = self._db.rows(SQL["entries"], after, limit, self._slot, below, READ_BYTES_MAX)
        return [entry_from_row(self._seals, row) for row in rows]

    def _cleared(self) -> int | None:
        # The number below which no append is open, where the horizon has stood still because of something else.
        xmin, xmax, era = self._db.rows(SQL["snapshot"])[0]
        now_s = time.monotonic()
        if xmin != self._horizon:
            self._horizon, self._since_s = xmin, now_s
        if now_s - self._since_s < STILL_S or xmax <= xmin + 1:
            return None
        for _ in range(LOOKS):
            appending = [row[0] for row in self._db.rows(SQL["appending"])]
            if None not in appending:
                return int(era + min([xmax, *(_widened(xid, xmax) for xid in appending)])) * PLACES
        return None


def _widened(xid: int, xmax: int) -> int:
    # A lock tells 32 bits of an id that is below xmax, and less than 2^31 before it.
    full = int(xmax >> XID_BITS << XID_BITS) | xid
    return full - (1 << XID_BITS) if full > xmax else full
