"""``index.Index`` over what an engine knows of words and numbers, and over the journal itself.

Theory of operation. An engine's ``Postings`` tell which records have which words, as numbers; the records are then
read, so that what was purged, erased or replaced since is shown as it is now, or not at all. What the index does not
know yet, or all where there is none, is looked through from the newest record on, as far as the budget goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from receiver.journal.entries import Stores
from receiver.journal.finder_hits import Hits
from receiver.journal.handle import Journal
from receiver.journal.index import (
    BUDGET_MS,
    PAGE,
    PART_MIN,
    ROWS_MAX,
    Counted,
    EventPage,
    Found,
    Indexed,
    QuarantineGroups,
    Wanted,
)
from receiver.journal.postings import NO_POSTINGS, Budget, Postings, Range
from receiver.journal.quarantine_groups import group
from receiver.journal.search import Search
from receiver.journal.slots import first_record, slot_of_record
from receiver.journal.terms import lets_through, query, wanted_facets
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError
from receiver.model.records import OutboxRecord, QuarantineFilter

STEP = 100
"""Records read at once, where they are looked through."""
AT_ONCE = 20
"""Records that were found and are read with one question."""
REJECTS_MAX = 100
"""Refused callbacks that are looked through, the newest first."""
TEXT_MAX = 1024
"""Characters of what a person typed; no value is found by more."""
NEW_SHARE = 0.4
"""Of the time of one question, for what is not indexed yet."""
FOREVER = 2**62
"""Above every number."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the index is in one slot, whose records are numbered without a gap."""

    slot: int
    to: int
    """The last record that it knows; ``first_record(slot)`` where it knows none."""
    last: int
    """The last record that was numbered; as ``to`` where there is none."""
    there: bool

    @property
    def numbers(self) -> Range:
        """All of the slot's."""
        return Range(first_record(self.slot) + 1, self.last)


class Finder:
    """``index.Index``."""

    def __init__(
        self, journal: Journal, postings: Postings = NO_POSTINGS, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """``postings``: the engine's own, which this closes."""
        self._journal = journal
        self._postings = postings
        self._monotonic_s = monotonic_s

    @cached_property
    def _stores(self) -> Stores:
        return Stores(self._journal.inbox(), self._journal.requests(), self._journal.outbox())

    @cached_property
    def _search(self) -> Search:
        return self._journal.search()

    def indexed(self) -> Indexed:
        """How far the index is; of several slots all records together."""
        return self._indexed(self._reaches())

    def _indexed(self, reaches: Sequence[Reach]) -> Indexed:
        to = sum(one.to - first_record(one.slot) for one in reaches)
        of = sum(one.last - first_record(one.slot) for one in reaches)
        return Indexed(to, of, any(one.there for one in reaches), self._postings.exact_only)

    def _reaches(self) -> list[Reach]:
        found = list[Reach]()
        for last in self._last_records():
            slot = slot_of_record(last)
            to = self._postings.indexed_to(slot)
            found.append(Reach(slot, min(to or first_record(slot), last), last, to is not None))
        return found

    def find(self, text: str) -> Found:
        """All that ``text`` stands for."""
        new, reaches = Budget(self._monotonic_s, NEW_SHARE), self._reaches()
        indexed = self._indexed(reaches)
        text = text[:TEXT_MAX].encode("utf-8", "replace").decode().strip()
        hits = Hits(self._stores, self._search, query(text, PART_MIN))
        with suppress(ValueError):
            hits.add_entry(EntryId.parse(text))
        if ":" in text:  # as every key has; else nobody waits for the table of keys to be read
            hits.add_key(text)
        for reach in reversed(reaches):
            for record in self._looked_through(reach.numbers.above(reach.to), new):
                hits.add_record(record)
        budget = Budget(self._monotonic_s, 1 - NEW_SHARE)
        if indexed.there:
            self._add_indexed(hits, indexed, max(one.to for one in reaches), budget)
        with suppress(JournalError):
            self._add_rejects(hits, text, budget)
        return hits.found(indexed, cut_off=budget.cut_off or new.cut_off)

    def _add_indexed(self, hits: Hits, indexed: Indexed, to: int, budget: Budget) -> None:
        for part in (False, True):
            if part and (hits.whole or not hits.query.part or indexed.exact_only):
                return
            for word in hits.query.words:
                found = self._postings.with_word(word, Range(0, to), ROWS_MAX, budget.left_ms(), part=part)
                budget.cut_off |= found.cut_off or len(found.numbers) == ROWS_MAX
                for record in self._read(found.numbers, budget):
                    hits.add_record(record)

    def _add_rejects(self, hits: Hits, text: str, budget: Budget) -> None:
        # Each by its number, and the newest by their bytes: nothing of them was proven, so nothing is parsed.
        rejects = self._journal.rejects()
        try:
            if text.isascii() and text.isdigit() and len(text) <= len(str(FOREVER)) - 1:
                hits.add_reject(rejects.get(int(text)), "number")
            if len(text) >= PART_MIN and budget.left_ms() > 0:
                for reject in rejects.newest(REJECTS_MAX):
                    if text.encode() in reject.raw.body or hits.query.in_body(reject.raw.body):
                        hits.add_reject(reject, "body")
                    if budget.left_ms() <= 0:
                        budget.cut_off = True
                        break
        finally:
            rejects.close()

    def events(
        self, wanted: Wanted, *, before: int | None = None, after: int | None = None, limit: int = PAGE
    ) -> EventPage:
        """Records that ``wanted`` lets through, the newest first."""
        budget, reaches = self._budget(), self._reaches()
        indexed = self._indexed(reaches)
        ascending = after is not None
        within = Range((after or 0) + 1, FOREVER if before is None else before - 1, descending=not ascending)
        records = list[OutboxRecord]()
        for record in self._candidates(wanted, within, reaches, budget):
            if lets_through(wanted, record):
                records.append(record)
            if len(records) > limit:
                break
        more = len(records) > limit
        shown = records[:limit]
        goes_on = shown[-1].number if more else budget.last_seen if budget.cut_off else None
        shown = shown[::-1] if ascending else shown
        first, last = (shown[0].number, shown[-1].number) if shown else (None, None)
        older, newer = (last, goes_on or first) if ascending else (goes_on, first)
        return EventPage(shown, older, newer, budget.cut_off and not more, indexed)

    def _candidates(
        self, wanted: Wanted, within: Range, reaches: Sequence[Reach], budget: Budget
    ) -> Iterator[OutboxRecord]:
        for reach in reversed(reaches) if within.descending else reaches:
            theirs = replace(within, lowest=max(within.lowest, reach.numbers.lowest)).up_to(reach.last)
            new, known = theirs.above(reach.to), theirs.up_to(reach.to)
            if within.descending:
                yield from self._looked_through(new, budget)
            if not budget.cut_off:
                yield from self._listed(wanted, known, reach.slot, budget)
            if not within.descending and not budget.cut_off:
                yield from self._looked_through(new, budget)
            if budget.cut_off:
                return

    def _listed(self, wanted: Wanted, within: Range, slot: int, budget: Budget) -> Iterator[OutboxRecord]:
        words = wanted_facets(wanted)
        if wanted.since is not None or wanted.until is not None:
            within = within.narrowed(self._postings.received(wanted.since, wanted.until, slot))
        if not words:
            yield from self._looked_through(within, budget)
            return
        while within.lowest <= within.highest and not budget.cut_off:
            found = self._postings.with_all(words, within, STEP, budget.left_ms())
            yield from self._read(found.numbers, budget)
            if found.cut_off and not budget.cut_off:
                budget.cut_off, budget.last_seen = True, found.looked_to or budget.last_seen
            if len(found.numbers) < STEP:
                return
            within = within.past(found.numbers[-1])

    def _last_records(self) -> list[int]:
        # Of each slot, ascending; numbers of one journal in a folder are all in the first.
        last = self._stores.outbox.last_number()
        if slot_of_record(last) == 0:
            return [last]
        slots = self._journal.slots()
        try:
            return [state.last_record for state in slots.states()]
        finally:
            slots.close()

    def _looked_through(self, within: Range, budget: Budget) -> Iterator[OutboxRecord]:
        # Of one slot; from its first record that was not purged on.
        if within.lowest > within.highest:
            return
        first = next((record.number for record in self._stores.outbox.read(within.lowest - 1, 1)), FOREVER)
        yield from self._looked_through_slot(replace(within, lowest=max(within.lowest, first)), budget)

    def _looked_through_slot(self, within: Range, budget: Budget) -> Iterator[OutboxRecord]:
        outbox = self._stores.outbox
        while within.lowest <= within.highest:
            begin = max(within.lowest - 1, within.highest - STEP) if within.descending else within.lowest - 1
            end = within.highest if within.descending else min(within.highest, begin + STEP)
            step, at = list[OutboxRecord](), begin
            while at < end and (records := outbox.read(at, end - at)):
                step += [record for record in records if record.number <= end]
                at = records[-1].number
            for record in reversed(step) if within.descending else step:
                if not budget.take(record):
                    return
                yield record
            seen = begin + 1 if within.descending else end
            within = within.past(seen)
            if not budget.left_ms():  # there may be few records among numbers that were purged
                budget.cut_off, budget.last_seen = True, seen
                return

    def _read(self, numbers: Sequence[int], budget: Budget) -> Iterator[OutboxRecord]:
        for at in range(0, len(numbers), AT_ONCE):
            for record in self._search.records(numbers[at : at + AT_ONCE]):
                if not budget.take(record):
                    return
                yield record

    def minutes(self, since_us: int, until_us: int) -> Counted:
        """Counters of minutes."""
        return self._counted(since_us, until_us, days=False)

    def days(self, since_us: int, until_us: int) -> Counted:
        """Counters of days."""
        return self._counted(since_us, until_us, days=True)

    def _counted(self, since_us: int, until_us: int, *, days: bool) -> Counted:
        indexed = self.indexed()
        counts, cut_off = self._postings.counts(since_us, until_us, BUDGET_MS, days=days)
        return Counted(counts, cut_off, indexed)

    def quarantine_groups(self, wanted: QuarantineFilter) -> QuarantineGroups:
        """What stands in quarantine, grouped."""
        indexed = self.indexed()
        if indexed.there:
            groups, cut_off = self._postings.groups(wanted, BUDGET_MS)
        if not indexed.there or (cut_off and not groups):
            groups, cut_off = group(self._stores, self._search, wanted, self._budget())
        return QuarantineGroups(groups, cut_off, indexed)

    def _budget(self) -> Budget:
        return Budget(self._monotonic_s)

    def close(self) -> None:
        """Give all of it back."""
        self._postings.close()
        for name in ("_stores", "_search"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
