"""The index of a journal in memory: all documents, each looked at for every question."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace

from receiver.journal.index import Count, QuarantineGroup
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.memory.search import lets_through
from receiver.journal.postings import Numbers, Range, Reached
from receiver.journal.quarantine_groups import grouped
from receiver.journal.terms import Counter, Document, backwards
from receiver.model.records import QuarantineFilter
from receiver.model.times import DAY_US

MINUTE_US = 60_000_000


class MemoryPostings:
    """``postings.Postings`` and ``postings.PostingsWriter``; whoever opens it gets the same one."""

    exact_only = False

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self.there = False
        """Whether anybody made it."""
        self.clear()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else is there."""
        yield

    def no_room(self) -> str | None:
        """There is always room."""
        return None

    def reached(self) -> Reached:
        """How far it is."""
        return self._reached

    def put(self, documents: Sequence[Document], repeats: Sequence[Counter], reached: Reached) -> None:
        """Take more records and repeats."""
        for one in documents:
            self._documents[one.number] = one
        for counted in [*(one.counted for one in documents), *repeats]:
            if counted is not None:
                for length_us, counts in ((MINUTE_US, self._minutes), (DAY_US, self._days)):
                    counts[replace(counted, at_us=counted.at_us // length_us * length_us)] += 1
        self._reached = reached

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget records."""
        for number in numbers:
            self._documents.pop(number, None)

    def lowest(self, above: int, limit: int) -> Sequence[int]:
        """Numbers of records in it."""
        return sorted(number for number in self._documents if number > above)[:limit]

    def forget_minutes(self, before_us: int) -> None:
        """Forget counters of minutes."""
        for counted in [one for one in self._minutes if one.at_us < before_us]:
            del self._minutes[counted]

    def clear(self) -> None:
        """Begin anew."""
        self._reached = Reached()
        self._documents: dict[int, Document] = {}
        self._minutes: Counts[Counter] = Counts()
        self._days: Counts[Counter] = Counts()

    def with_word(self, word: str, within: Range, limit: int, ms: float, *, part: bool) -> Numbers:
        """Records that have a word."""
        del ms
        begins = word, backwards(word)
        found = (
            number
            for number, one in self._documents.items()
            if (any(has.startswith(begins) for has in one.words) if part else word in one.words)
        )
        return _within(found, within, limit)

    def with_all(self, words: Sequence[str], within: Range, limit: int, ms: float) -> Numbers:
        """Records that have all of these words."""
        del ms
        wanted = set(words)
        return _within((number for number, one in self._documents.items() if wanted <= set(one.words)), within, limit)

    def received(self, since: str | None, until: str | None, slot: int = 0) -> tuple[int, int] | None:
        """The first and the last record received in a time."""
        del slot
        numbers = [
            number
            for number, one in self._documents.items()
            if (since is None or one.received_at >= since) and (until is None or one.received_at < until)
        ]
        return (min(numbers), max(numbers)) if numbers else None

    def counts(self, since_us: int, until_us: int, ms: float, *, days: bool) -> tuple[list[Count], bool]:
        """Counters of minutes or days."""
        del ms
        counts = self._days if days else self._minutes
        inside = sorted((one for one in counts if since_us <= one.at_us < until_us), key=astuple)
        return [_count(one, counts[one]) for one in inside], False

    def groups(self, wanted: QuarantineFilter, ms: float) -> tuple[list[QuarantineGroup], bool]:
        """Groups of what stands in quarantine."""
        del ms
        words = dict(one.standing for one in self._documents.values() if one.standing is not None)
        chosen = (one for one in self._outbox.standings.values() if lets_through(wanted, one))
        return grouped((one, words.get(one.id, "")) for one in chosen), False

    def indexed_to(self, slot: int = 0) -> int | None:
        """The last record in it."""
        del slot  # there is one
        return self._reached.record if self.there else None

    def close(self) -> None:
        """It goes on for whoever else has it."""


def _within(numbers: Iterable[int], within: Range, limit: int) -> Numbers:
    inside = (number for number in numbers if within.lowest <= number <= within.highest)
    found = sorted(inside, reverse=within.descending)
    return Numbers(found[:limit], cut_off=False)


def _count(one: Counter, count: int) -> Count:
    anomalies = tuple(one.anomalies.split(",")) if one.anomalies else ()
    return Count(one.at_us, one.source, one.kind, one.status, one.outcome, anomalies, count)
