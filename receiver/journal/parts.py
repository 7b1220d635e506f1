"""An inbox in parts, as a port: stretches of numbers that are kept apart, so that what is old goes as a whole.

Theory of operation. To delete a day of callbacks one by one costs about as much as to take them. So an engine may keep
them in parts by number, the next ones made before they are needed, and drop a part in which all is due; what in it is
not settled, or not old enough, is put aside first. Parts are cut by number and not by day, since readers go on by
number and people look up by number: either finds the one part that it needs.

Numbers do not follow the clock, so a part's length is a guess by how fast they were given lately. A wrong guess does no
harm: callbacks of which no part was made are kept too, and a part that holds more time than ``LOOSE_SPANS`` lengths is
emptied one callback after the other, as where there are no parts. Pure but for the port.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

LENGTHS = 30
"""Parts that all callbacks within their time make up: a month of days, or 400 days of a fortnight each."""
SPAN_DAYS_MAX = 30
LOOSE_SPANS = 3
"""Lengths of time in one part above which its first callbacks would wait too long for its last."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of inbox numbers, kept apart."""

    first: int
    end: int
    """The first number after it."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """What became of old parts."""

    parts: int = 0
    """Dropped, each as a whole."""
    callbacks: int = 0
    """That went with them."""
    set_aside: int = 0
    """That stay, since they are not settled."""
    held_up: str = ""
    """Why a part that is due is still there, in the engine's words; the next round tries again."""


class Parts(Protocol):
    """The parts of an inbox; used by one thread at a time. All of it raises ``StoreFailed``."""

    def make_ahead(self, keep_days: int) -> int:
        """Make the parts that will be needed next; gives how many were made. 0 ``keep_days`` keeps for ever."""

    def let_go(self, before_us: int) -> LetGo:
        """Drop the parts in which every callback was received before a time, Unix microseconds, but what must stay."""

    def whole(self, keep_days: int, before_us: int) -> Sequence[Part]:
        """Those that will go as a whole, ascending: nothing is taken out of them one by one for its age.

        A part is not among them that holds the time of ``LOOSE_SPANS`` parts, or was due a day before ``before_us``.
        """

    def close(self) -> None:
        """Give it back."""


class NoParts:
    """``Parts`` of an engine that keeps all callbacks in one place."""

    def make_ahead(self, keep_days: int) -> int:
        """There is nothing to make."""
        del keep_days
        return 0

    def let_go(self, before_us: int) -> LetGo:
        """Nothing goes as a whole."""
        del before_us
        return LetGo()

    def whole(self, keep_days: int, before_us: int) -> Sequence[Part]:
        """There are none."""
        del keep_days, before_us
        return []

    def close(self) -> None:
        """There is nothing to give back."""


NO_PARTS = NoParts()


def span_days(keep_days: int) -> int:
    """How many days one part is to hold: a callback may stay so much longer than ``keep_days``, and no more."""
    return max(1, min(SPAN_DAYS_MAX, keep_days // LENGTHS)) if keep_days else SPAN_DAYS_MAX


def next_parts(made_to: int, now: int, length: int, margin: int) -> Iterator[Part]:
    """The parts to make: those up to one whole ``length`` and more above ``now``, the next number to be given.

    ``made_to`` is the end of the last one. Where numbers have passed it, the next part begins ``margin`` above them:
    what is given meanwhile belongs to none.
    """
    first = made_to if made_to > now else now + margin
    while first <= now + length + margin:
        yield Part(first, first + length)
        first += length


def outside(parts: Sequence[Part], end: int) -> Iterator[Part]:
    """The stretches of numbers from 0 to before ``end`` that are in none of the parts, which ascend."""
    at = 0
    for part in parts:
        if part.first > at:
            yield Part(at, min(part.first, end))
        at = max(at, part.end)
    if at < end:
        yield Part(at, end)
