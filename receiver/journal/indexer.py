"""Making the index of a journal: follows the outbox by number, and the inbox for what it says again.

Theory of operation. Every step is one transaction of the index, in which the next records are read and put: who erases
something changes the outbox first and the index after that, so what a step read before never comes in later. The index
has no state of its own that could be lost: one that is not of this outbox any more is cleared, and made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from receiver.journal.entries import Stores
from receiver.journal.handle import Journal
from receiver.journal.postings import PostingsWriter, Reached
from receiver.journal.terms import Counter, Document, document
from receiver.model.callback import EntryId
from receiver.model.errors import StoreFailed
from receiver.model.records import OutboxRecord
from receiver.model.times import DAY_US

STEP = 1000
"""Records of one transaction."""
CALLBACKS_STEP = 5000
"""Callbacks whose outcomes are looked at in one."""
TIDY_STEP = 1000
MINUTES_KEPT_US = 7 * DAY_US


class Indexer:
    """``index.IndexWriter`` over an engine's ``PostingsWriter``, which this closes."""

    def __init__(self, journal: Journal, postings: PostingsWriter, mask_body: Callable[[bytes], bytes]) -> None:
        self._journal = journal
        self._postings = postings
        self._mask_body = mask_body
        self._tidied_to = 0

    @cached_property
    def _stores(self) -> Stores:
        return Stores(self._journal.inbox(), self._journal.requests(), self._journal.outbox())

    def step(self) -> bool:
        """Index the next records; whether there may be more."""
        outbox = self._stores.outbox
        if not self._waits():
            return False
        why = self._postings.no_room()
        if why is not None:
            raise StoreFailed(why)
        with self._postings.writing():
            reached = self._postings.reached()
            if not self._fits(reached):
                self._postings.clear()
                reached = Reached()
            records = outbox.read(reached.record, STEP)
            repeats, callback = self._repeats(reached.callback)
            last = records[-1] if records else None
            now = replace(reached, callback=callback)
            if last is not None:
                now = replace(now, record=last.number, record_id=last.record_id)
            self._postings.put([self._document(record) for record in records], repeats, now)
        return self._waits()

    def _waits(self) -> bool:
        reached, outbox = self._postings.reached(), self._stores.outbox
        behind = outbox.last_number() != reached.record or outbox.progress("inbox").number != reached.callback
        return behind or not self._fits(reached)

    def _fits(self, reached: Reached) -> bool:
        outbox = self._stores.outbox
        if outbox.last_number() < reached.record or outbox.progress("inbox").number < reached.callback:
            return False
        return outbox.record_id(reached.record) in {None, reached.record_id}

    def _document(self, record: OutboxRecord) -> Document:
        if record.record_type != "quarantine":
            return document(record)
        try:
            entry = self._stores.entry(EntryId.parse(record.record_id))
        except ValueError:
            entry = None
        body = None if entry is None else entry.callback.body
        return document(record, None if body is None else self._mask_body(body), body)

    def _repeats(self, after: int) -> tuple[Sequence[Counter], int]:
        end = self._stores.outbox.progress("inbox").number
        found = self._stores.inbox.ages(after, CALLBACKS_STEP)  # an engine may give numbers with wide gaps
        if len(found) == CALLBACKS_STEP:
            end = min(end, found[-1][0])
        outcomes = self._stores.outbox.outcomes_between(after + 1, end) if end > after else {}
        numbers = sorted(number for number, one in outcomes.items() if one.outcome == "duplicate")
        return list(self._counters(numbers)), end

    def _counters(self, numbers: Iterable[int]) -> Iterator[Counter]:
        for number in numbers:
            entry = self._stores.inbox.entry(number)
            if entry is not None:
                yield Counter(entry.callback.received_at_us, entry.callback.source, "", "", "duplicate")

    def tidy(self, now_us: int) -> bool:
        """Take out some of what was purged, the oldest first, up to a stretch of which nothing was ever taken."""
        numbers = self._postings.lowest(self._tidied_to, TIDY_STEP)
        gone = [number for number in numbers if self._stores.outbox.record_id(number) is None]
        with self._postings.writing():
            self._postings.drop(gone)
            self._postings.forget_minutes(now_us - MINUTES_KEPT_US)
        # What was in quarantine stays longer, and others around it are gone: then the end is not reached yet.
        taken = bool(gone) or (len(numbers) > 1 and numbers[-1] - numbers[0] >= len(numbers))
        more = taken and len(numbers) == TIDY_STEP
        self._tidied_to = numbers[-1] if more else 0
        return more

    def clear(self) -> None:
        """Begin anew, with nothing."""
        with self._postings.writing():
            self._postings.clear()

    def close(self) -> None:
        """Give all of it back."""
        self._postings.close()
        if "_stores" in self.__dict__:
            self.__dict__.pop("_stores").close()


class SlotIndexers:
    """``index.IndexWriter`` of a journal with several slots: those of its parts, each with numbers of its own."""

    def __init__(self, slots: Callable[[], Collection[int]], of_slot: Callable[[int], Indexer]) -> None:
        """``slots`` gives those that there are by now; what ``of_slot`` makes is closed by this."""
        self._slots = slots
        self._of_slot = of_slot
        self._indexers: dict[int, Indexer] = {}

    def step(self) -> bool:
        """Index the next records of each slot; whether there may be more."""
        more = [one.step() for one in self._all()]
        return any(more)

    def tidy(self, now_us: int) -> bool:
        """Take out some of what was purged of each slot; whether there may be more."""
        more = [one.tidy(now_us) for one in self._all()]
        return any(more)

    def clear(self) -> None:
        """Begin anew, with nothing."""
        for one in self._all():
            one.clear()

    def close(self) -> None:
        """Give all of it back."""
        for one in self._indexers.values():
            one.close()

    def _all(self) -> Collection[Indexer]:
        for slot in self._slots():
            if slot not in self._indexers:
                self._indexers[slot] = self._of_slot(slot)
        return self._indexers.values()


def refresh(postings: PostingsWriter, records: Sequence[OutboxRecord]) -> None:
    """Take what stands in the place of records that were erased, with nothing left of what stood there before."""
    with postings.writing():
        reached = postings.reached()
        known = [record for record in records if record.number <= reached.record]
        postings.drop([record.number for record in known])
        postings.put([replace(document(record), counted=None) for record in known], (), reached)
