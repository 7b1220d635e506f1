"""What is old enough to go, by a clock that may be wrong.

A clock that was set to the wrong year must not empty a journal, and the callbacks that come while it is wrong agree
with it. So age is not what the clock says now less what it said then: from one callback to the next a week passes at
most, whatever the clock says. A clock that leaps ahead makes what is there a week older; a silence of four weeks keeps
it three weeks longer. While the clock is further than a week from the newest callback, either way, nothing goes at all.

Where providers send no callbacks the answers of their APIs stand for them: of the two stores that one counts which has
the newer entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from receiver.journal.ports import InboxReader, Requests
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
    """Tells from a journal what is old. Not for two threads at once."""

    def __init__(self, inbox: InboxReader, requests: Requests | None = None) -> None:
        self._stores = [_Arrivals(inbox.last_number, inbox.ages)]
        if requests is not None:
            self._stores.append(_Arrivals(requests.last_number, partial(_ages, requests)))

    def before_us(self, now_us: int, days: int) -> int | None:
        """The time before which entries may go, Unix microseconds.

        None while nothing may: kept for ever (0 days), an empty journal, or a clock in doubt.
        """
        if days == 0:
            return None
        newest = [(one.at_us, number) for number, store in enumerate(self._stores) if (one := store.newest())]
        believed = [found for found in newest if abs(now_us - found[0]) <= LEAP_US]
        return cutoff_us(now_us, self._stores[max(believed, key=itemgetter(0))[1]].leaps(), days) if believed else None

    def before_text(self, now_us: int, days: int) -> str | None:
        """The same as RFC 3339, as records hold it."""
        before_us = self.before_us(now_us, days)
        return None if before_us is None or before_us < 0 else from_us(before_us)


def _ages(requests: Requests, after: int, limit: int) -> Sequence[tuple[int, int]]:
    return [(request.number, request.made_at_us) for request in requests.read(after, limit)]


class _Arrivals:
    """The entries of one store, in the order of their numbers."""

    def __init__(self, last_number: Callable[[], int], ages: Callable[[int, int], Sequence[tuple[int, int]]]) -> None:
        """``ages``: (number, time) of so many entries above a number."""
        self._last_number = last_number
        self._ages = ages
        self._leaps: list[Leap] = []
        self._seen: Arrival | None = None
        """The newest entry up to which leaps were looked for."""

    def leaps(self) -> Sequence[Leap]:
        """All of them; looks only at what came since the last time, as a purge leaves the others where they are."""
        newest, first = self.newest(), self._seen or self._first_from(0)
        if newest is not None and first is not None:
            if first.number < newest.number:
                self._leaps += self._between(first, newest, newest.number)
            self._seen = newest
        return self._leaps

    def newest(self) -> Arrival | None:
        """Nearly always the one with the last number; where that was purged, the last before it that is still there."""
        low, high = 0, self._last_number()
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

    def _between(self, first: Arrival, last: Arrival, above: int) -> Iterator[Leap]:
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
            yield from self._between(first, found, middle)
            first = found

    def _first_from(self, number: int) -> Arrival | None:
        return next((Arrival(*one) for one in self._ages(number - 1, 1)), None)
