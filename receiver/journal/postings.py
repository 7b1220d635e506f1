"""What an engine keeps of an index: which records have which words, and counters. A port, and what goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from receiver.journal.index import BUDGET_MS, BYTES_MAX, ROWS_MAX, Count, QuarantineGroup
from receiver.journal.terms import Counter, Document
from receiver.model.records import OutboxRecord, QuarantineFilter


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of records, in the order asked for, and whether there may be more than could be looked at."""

    numbers: Sequence[int]
    cut_off: bool
    looked_to: int | None = None
    """Where it was cut off: up to this number, from the end that was wanted, nothing was left out."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``lowest`` to ``highest``, both included, and from which end they are wanted."""

    lowest: int
    highest: int
    descending: bool = True

    def up_to(self, number: int) -> Range:
        """Those of them that are no higher."""
        return replace(self, highest=min(self.highest, number))

    def above(self, number: int) -> Range:
        """Those of them that are higher."""
        return replace(self, lowest=max(self.lowest, number + 1))

    def past(self, number: int) -> Range:
        """Those of them that come after ``number``, in the order in which they are wanted."""
        return replace(self, highest=number - 1) if self.descending else replace(self, lowest=number + 1)

    def stretches(self, length: int) -> Iterator[Range]:
        """All of them in stretches of so many, in the order in which they are wanted."""
        rest = self
        while rest.lowest <= rest.highest:
            if rest.descending:
                one = replace(rest, lowest=max(rest.lowest, rest.highest - length + 1))
                rest = rest.past(one.lowest)
            else:
                one = replace(rest, highest=min(rest.highest, rest.lowest + length - 1))
                rest = rest.past(one.highest)
            yield one

    def narrowed(self, between: tuple[int, int] | None) -> Range:
        """Those of them that lie between two numbers, both included; without these, none."""
        if between is None:
            return replace(self, highest=self.lowest - 1)
        return replace(self, lowest=max(self.lowest, between[0]), highest=min(self.highest, between[1]))


class Budget:
    """What one question may cost, and whether that was not enough."""

    def __init__(self, monotonic_s: Callable[[], float], share: float = 1.0) -> None:
        """``share``: of the time that one question has; rows and bytes are counted for each budget."""
        self._monotonic_s = monotonic_s
        self._ends_s = monotonic_s() + share * BUDGET_MS / 1000
        self._rows = 0
        self._bytes = 0
        self.cut_off = False
        self.last_seen: int | None = None
        """The number of the last record that was taken."""

    def left_ms(self) -> float:
        """Milliseconds; never below zero."""
        return max(0.0, (self._ends_s - self._monotonic_s()) * 1000)

    def take(self, record: OutboxRecord) -> bool:
        """Pay for one record; False where it is too much. The first one is never too much."""
        rows, size = self._rows + 1, self._bytes + len(record.value)
        if self._rows and (rows > ROWS_MAX or size > BYTES_MAX or not self.left_ms()):
            self.cut_off = True
            return False
        self._rows, self._bytes, self.last_seen = rows, size, record.number
        return True


class Postings(Protocol):
    """What an engine keeps, to read. Each call ends after ``ms`` milliseconds, and says where it was cut off."""

    @property
    def exact_only(self) -> bool:
        """Whether only whole words are kept, and as nothing that could be read."""

    def indexed_to(self, slot: int = 0) -> int | None:
        """The number of the last record of a slot in it; None where nothing of the slot is, or there is no index."""

    def with_word(self, word: str, within: Range, limit: int, ms: float, *, part: bool) -> Numbers:
        """Records that have a word; with ``part`` one that begins or ends so."""

    def with_all(self, words: Sequence[str], within: Range, limit: int, ms: float) -> Numbers:
        """Records that have all of these words, at least one."""

    def received(self, since: str | None, until: str | None, slot: int = 0) -> tuple[int, int] | None:
        """Numbers between which all of a slot's records of a time lie, RFC 3339; None where there are none."""

    def counts(self, since_us: int, until_us: int, ms: float, *, days: bool) -> tuple[list[Count], bool]:
        """Counters of minutes or days, ascending, and whether they were cut off."""

    def groups(self, wanted: QuarantineFilter, ms: float) -> tuple[list[QuarantineGroup], bool]:
        """Groups of what stands in quarantine, the largest first, and whether they were cut off."""

    def close(self) -> None:
        """Give it back."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far an index is: the last record in it, by number and id, and the last callback whose repeats it counts."""

    record: int = 0
    record_id: str = ""
    callback: int = 0


class PostingsWriter(Protocol):
    """What an engine keeps, to write. Raises ``StoreFailed``."""

    def writing(self) -> AbstractContextManager[None]:
        """One transaction, in which nobody else writes; whole or not at all."""

    def no_room(self) -> str | None:
        """None where it may grow, else a sentence why not: the journal needs what is left of the disk."""

    def reached(self) -> Reached:
        """How far it is."""

    def put(self, documents: Sequence[Document], repeats: Sequence[Counter], reached: Reached) -> None:
        """Take more records and repeats, in ``writing``."""

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget records, in ``writing``; those that it does not have are passed over."""

    def lowest(self, above: int, limit: int) -> Sequence[int]:
        """Up to ``limit`` numbers of records in it, above a number, ascending."""

    def forget_minutes(self, before_us: int) -> None:
        """Forget counters of minutes before a time, in ``writing``."""

    def clear(self) -> None:
        """Begin anew, with nothing."""

    def close(self) -> None:
        """Give it back."""


class NoPostings:
    """Where there is no index: all is looked through."""

    exact_only = False

    def indexed_to(self, slot: int = 0) -> int | None:
        """There is none."""
        del slot
        return None

    def with_word(self, word: str, within: Range, limit: int, ms: float, *, part: bool) -> Numbers:
        """Nothing is known."""
        del word, within, limit, ms, part
        return Numbers((), cut_off=False)

    def with_all(self, words: Sequence[str], within: Range, limit: int, ms: float) -> Numbers:
        """Nothing is known."""
        del words, within, limit, ms
        return Numbers((), cut_off=False)

    def received(self, since: str | None, until: str | None, slot: int = 0) -> tuple[int, int] | None:
        """Nothing is known."""
        del since, until, slot
        return None

    def counts(self, since_us: int, until_us: int, ms: float, *, days: bool) -> tuple[list[Count], bool]:
        """Nothing was counted."""
        del since_us, until_us, ms, days
        return [], False

    def groups(self, wanted: QuarantineFilter, ms: float) -> tuple[list[QuarantineGroup], bool]:
        """Nothing was grouped."""
        del wanted, ms
        return [], False

    def close(self) -> None:
        """There is nothing to give back."""


NO_POSTINGS = NoPostings()
