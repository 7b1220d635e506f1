"""The parts of the inbox on PostgreSQL: partitions by number, made ahead, and dropped when all in them is old.

A part is dropped in three steps. First it is looked at without any lock: who in it must stay, as a list of numbers, for
which the whole part is read once. Then one short transaction takes it out of the inbox and puts these back, into the
table of what is in no part. Then the table goes, which nobody reads any more. Wherever a lock is needed that a reader
holds, the wait ends after a tenth of a second, and all stays as it was until the next round: a lock that is waited for
would hold up every callback that comes meanwhile.
"""

from __future__ import annotations

from receiver.journal.parts import LOOSE_SPANS, LetGo, Part, next_parts, span_days
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.model.errors import StoreFailed
from receiver.model.times import DAY_US

SQL = named_queries("parts")
PLACES = 1024
"""Numbers of one transaction."""
LENGTH_MIN = (1 << 22) * PLACES
"""Of a part: where fewer transactions are begun in its time, there is little to delete one by one."""
MARGIN = (1 << 14) * PLACES
"""Numbers that may be given while a part is made."""
PACE_S = 600.0
"""Over so much time at least is counted how fast numbers are given."""
MADE_MAX = 4
"""Parts made in one round."""
PARTS_MAX = 200
"""More would have to be looked at by who looks everywhere; what comes then is in no part."""
STAYING_MAX = 10_000
"""Callbacks put aside of one part; where more must stay, it is emptied one callback after the other."""
DAY_S = 86_400


class PostgresParts:
    """``parts.Parts``; to be used by one thread at a time, of whoever holds the keeper's lease."""

    def __init__(self, address: Address) -> None:
        self._db = Database(address, "parts", timeout_s=None)

    def make_ahead(self, keep_days: int) -> int:
        """Make the next parts; a reader that holds the lock for it has it put off to the next round."""
        made_to, now, pace = self._db.rows(SQL["pace"], PACE_S)[0]
        length = max(LENGTH_MIN, int(pace * DAY_S) * span_days(keep_days) // PLACES * PLACES)
        made, room = 0, PARTS_MAX - len(self._made())
        for part in next_parts(made_to, now, length, MARGIN):
            if made == min(MADE_MAX, room):
                break
            self._db.rows(SQL["add"], part.first, part.end, now)
            made += 1
        return made

    def let_go(self, before_us: int) -> LetGo:
        """Drop what is due, or empty; never a part in which a callback may still come."""
        found = LetGo()
        for part in [Part(*row) for row in self._db.rows(SQL["over"])]:
            _, newest_us = self._db.rows(SQL["span"], part.first, part.end)[0]
            if newest_us is None or newest_us < before_us:
                found = self._drop(part, before_us, found)
        try:
            self._db.rows(SQL["drop_detached"])
        except StoreFailed as error:
            return LetGo(found.parts, found.callbacks, found.set_aside, str(error))
        return found

    def whole(self, keep_days: int, before_us: int) -> list[Part]:
        """Those that hold little more time than they should, and are not long overdue."""
        return [part for part in self._made() if self._goes_whole(part, keep_days, before_us)]

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _made(self) -> list[Part]:
        return [Part(*row) for row in self._db.rows(SQL["made"])]

    def _goes_whole(self, part: Part, keep_days: int, before_us: int) -> bool:
        oldest_us, newest_us = self._db.rows(SQL["span"], part.first, part.end)[0]
        if oldest_us is None:
            return True
        long_us = LOOSE_SPANS * span_days(keep_days) * DAY_US
        return bool(newest_us - oldest_us <= long_us and newest_us >= before_us - DAY_US)

    def _drop(self, part: Part, before_us: int, so_far: LetGo) -> LetGo:
        rows = self._db.rows(SQL["staying"], part.first, part.end, before_us, STAYING_MAX + 1)
        if len(rows) > STAYING_MAX:
            why = f"more than {STAYING_MAX} callbacks of the part from {part.first} on are not settled"
            return LetGo(so_far.parts, so_far.callbacks, so_far.set_aside, why)
        staying = [int(row[0]) for row in rows]
        count = int(self._db.one(SQL["count"], part.first, part.end)) - len(staying)
        try:
            self._db.rows(SQL["detach"], part.first, staying)
        except StoreFailed as error:
            return LetGo(so_far.parts, so_far.callbacks, so_far.set_aside, str(error))
        return LetGo(so_far.parts + 1, so_far.callbacks + count, so_far.set_aside + len(staying), so_far.held_up)
