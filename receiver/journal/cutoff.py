"""What is old enough to go, by a clock that may be wrong.

A clock that was set to the wrong year must not empty a journal, and the callbacks that come while it is wrong agree
with it. So age is not what the clock says now less what it said then: from one callback to the next a week passes at
most, whatever the clock says. A clock that leaps ahead makes what is there a week older; a silence of four weeks keeps
it three weeks longer. While the clock is further than a week from the newest callback, either way, nothing goes at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from receiver.journal.ports import InboxReader
from receiver.model.times import DAY_US, from_us

LEAP_US = 7 * DAY_US
"""What passes at most from one callback to the next, and how far from the newest one the clock proves anything."""


class Arrival(NamedTuple):
    """That a callback was received."""

    number: int
    at_us: int


class Leap(NamedTuple):
    """Two callbacks, one right after the other, with more than ``LEAP_US`` between them, in Unix microseconds."""

    from_us: int
    to_us: int


def cutoff_us(now_us: int, leaps: Sequence[Leap], days: int) -> int:
    """The time before which callbacks are older than so many days. ``leaps``: in order of the callbacks' numbers."""
    at_us, left_us = now_us, days * DAY_US
    for leap in reversed(leaps):
        if leap.to_us > at_us:  # the clock was ahead then, and was set back since
            continue
        since_us = at_us - leap.to_us
        if left_us <= since_us + LEAP_US:
            break
        at_us, left_us = leap.from_us, left_us - since_us - LEAP_US
    return at_us - left_us


class Cutoff:
    """Tells from an inbox what is old. Not for two threads at once."""

    def __init__(self, inbox: InboxReader) -> None:
        self._inbox = inbox
        self._leaps: list[Leap] = []
        self._seen: Arrival | None = None
        """The newest callback up to which leaps were looked for."""

    def before_us(self, now_us: int, days: int) -> int | None:
        """The time before which callbacks may go, Unix microseconds.

        None while nothing may: kept for ever (0 days), an empty inbox, or a clock in doubt.
        """
        newest_us = self._inbox.newest_us()
        if days == 0 or newest_us is None or abs(now_us - newest_us) > LEAP_US:
            return None
        self._look()
        return cutoff_us(now_us, self._leaps, days)

    def before_text(self, now_us: int, days: int) -> str | None:
        """The same as RFC 3339, as records hold it."""
        before_us = self.before_us(now_us, days)
        return None if before_us is None or before_us < 0 else from_us(before_us)

    def _look(self) -> None:
        # Only at what came since: what was purged meanwhile changes nothing about the callbacks after it.
        newest, first = self._newest(), self._seen or self._first_from(0)
        if newest is None or first is None:
            return
        if first.number < newest.number:
            self._leaps += self._leaps_between(first, newest, newest.number)
        self._seen = newest

    def _newest(self) -> Arrival | None:
        # Nearly always the one with the last number; where that was purged, the last before it that is still there.
        low, high = 0, self._inbox.last_number()
        newest = self._first_from(high)
        while newest is None and low < high:
            middle = (low + high + 1) // 2
            found = self._first_from(middle)
            if found is None:
                high = middle - 1
            elif found.number >= high:
                newest = found
            else:
                low = found.number
        return newest or (self._first_from(low) if low else None)

    def _leaps_between(self, first: Arrival, last: Arrival, above: int) -> Iterator[Leap]:
        # None has a number from ``above`` to below the last one's.
        while last.at_us - first.at_us > LEAP_US:
            middle = (first.number + above) // 2
            if middle == first.number:
                yield Leap(first.at_us, last.at_us)
                return
            found = self._first_from(middle)
            if found is None or found.number >= above:
                above = middle
                continue
            yield from self._leaps_between(first, found, middle)
            first = found

    def _first_from(self, number: int) -> Arrival | None:
        return next((Arrival(*one) for one in self._inbox.ages(number - 1, 1)), None)
