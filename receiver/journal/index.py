"""What people find a journal's events by, as a port: anything a person has of a payment, lists, counters, groups.

The index is no store of the journal: it may be deleted at any time, is in no backup, and is made anew by following the
outbox by number. It knows numbers; what is shown of them is read from the journal itself, so it never shows what is not
there any more. Where there is no index, or it is not far enough, the newest records are looked through instead.

Whatever is asked ends within ``BUDGET_MS``, ``ROWS_MAX`` rows and ``BYTES_MAX`` of values; ``cut_off`` then says that
there may be more, and that a narrower question would find it. The rules of ``ports`` hold: a store belongs to one
thread at a time, is given back with ``close``, and raises ``StoreFailed`` where disk or database refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

from receiver.journal.search import EventFilter
from receiver.model.callback import EntryId
from receiver.model.records import OutboxRecord, QuarantineFilter

PAGE = 50
"""Events of one page."""
BUDGET_MS = 200
"""For one question: a page has 250 ms in all."""
ROWS_MAX = 500
"""Looked at or given for one question, whichever is more work."""
BYTES_MAX = 8 * 1024 * 1024
"""Of values read for one question; the first one is given whatever its size."""
PART_MIN = 4
"""Characters of a part that something is found by: fewer stand for too many."""
HITS_MAX = 50
"""Of one kind in one answer."""

What = Literal["operation", "event", "callback", "quarantine", "reject"]
By = Literal[
    "operation", "event_id", "reference", "transaction_hash", "address", "card", "number", "body", "part"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Indexed:
    """How far the index is."""

    to: int
    """How many records it knows, counted from the first that was ever numbered; 0 where there is none."""
    of: int
    """How many were numbered; of a journal with one slot this is the highest number."""
    there: bool
    """Whether there is an index at all; else the newest records are looked through."""
    exact_only: bool
    """Whether only whole values are found, since the index of a sealed journal holds nothing that could be read."""

    @property
    def whole(self) -> bool:
        """Whether it knows every record."""
        return self.there and self.to >= self.of


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found."""

    what: What
    name: str
    """What its page is found by: an operation's key, an event's id, ``4711`` or ``poll-12``, a reject's number."""
    by: By
    """Which of its parts is what was looked for; ``part`` where that only begins or ends one."""
    source: str
    received_at: str
    """RFC 3339 UTC; of an operation that of its newest event found."""
    operation: str | None = None
    """The key, where there is one."""
    status: str = ""
    """Of an event, or of the operation's newest event found; of what is in quarantine ``open`` and so on."""
    record: int | None = None
    """The outbox number of the event or the quarantine record."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, each kind with its newest first, up to ``HITS_MAX`` of each."""

    operations: Sequence[Hit]
    events: Sequence[Hit]
    callbacks: Sequence[Hit]
    quarantine: Sequence[Hit]
    rejects: Sequence[Hit]
    cut_off: bool
    """Whether there may be more."""
    indexed: Indexed

    @property
    def only(self) -> Hit | None:
        """The one thing whose page is meant: the only hit, or the operation where all else found is part of it."""
        if len(self.operations) == 1 and all(hit.operation == self.operations[0].name for hit in self.events):
            return self.operations[0] if not (self.callbacks or self.quarantine or self.rejects) else None
        hits = (*self.operations, *self.events, *self.callbacks, *self.quarantine, *self.rejects)
        return hits[0] if len(hits) == 1 else None


@dataclass(frozen=True, slots=True)
class Wanted(EventFilter):
    """Which records a list is to have; None lets all through. ``event_id`` and ``operation_id`` are whole values."""

    anomaly: str | None = None
    """One that the event has, maybe among others."""
    outcome: Literal["event", "quarantine", "withheld"] | None = None
    """The type of the record; ``quarantine``: of what nobody could read. A repeat is no record, so no list has it."""
    observed_via: str | None = None
    """``webhook`` or ``poll``."""
    effective: bool | None = None
    amount: str | None = None
    """A decimal number that the event has for what was spent, received or paid out; ``100`` is found by ``100.00``."""

    @property
    def of_columns(self) -> EventFilter:
        """As much of it as a journal knows of an event beside its value."""
        return EventFilter(**{one.name: getattr(self, one.name) for one in fields(EventFilter)})

    @property
    def about_values(self) -> bool:
        """Whether an event's value has to be read to know whether it is wanted."""
        return any(one is not None for one in (self.anomaly, self.observed_via, self.effective, self.amount))


@dataclass(frozen=True, slots=True)
class EventPage:
    """Records by number, the newest first."""

    records: Sequence[OutboxRecord]
    older: int | None
    """``before`` of the next page; None where there is nothing older."""
    newer: int | None
    """``after`` of the page before; None where there is nothing on this page."""
    cut_off: bool
    """Whether the budget ended before the page was full; ``older`` (or ``newer``) then goes on from there."""
    indexed: Indexed


@dataclass(frozen=True, slots=True)
class Count:
    """How many callbacks and answers of one minute or day became the same."""

    at_us: int
    """The beginning of the minute or UTC day of receipt, Unix microseconds."""
    source: str
    kind: str
    """Empty for what nobody could read, and for a repeat."""
    status: str
    """As ``kind``."""
    outcome: str
    """``event``, ``duplicate``, ``quarantine``, or ``withheld``."""
    anomalies: Sequence[str]
    """Of the event, in their order."""
    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Counters by time, ascending; empty where there is no index."""

    counts: Sequence[Count]
    cut_off: bool
    indexed: Indexed


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """Standings that say the same."""

    source: str
    reason: str
    detail: str
    word: str
    """The word that nobody knew, masked; empty where it is about no word, or its callback is purged."""
    count: int
    first: str
    """The first time of receipt, RFC 3339 UTC."""
    last: str
    example: EntryId
    """The newest of them."""


@dataclass(frozen=True, slots=True)
class QuarantineGroups:
    """Groups, the largest first."""

    groups: Sequence[QuarantineGroup]
    cut_off: bool
    indexed: Indexed


class Index(Protocol):
    """Finding things. Every answer says how far the index is, and whether it was cut off."""

    def indexed(self) -> Indexed:
        """How far the index is: n of m."""

    def find(self, text: str) -> Found:
        """All that ``text`` stands for.

        An operation's id or key, an event's id, a reference, a transaction hash, an address, a masked card (a whole
        one is masked first), each also by its first or last ``PART_MIN`` or more characters (an event's id by its first
        ones), in letters of either case; and a callback's, answer's, record's or refused callback's number.
        """

    def events(
        self, wanted: Wanted, *, before: int | None = None, after: int | None = None, limit: int = PAGE
    ) -> EventPage:
        """Records that ``wanted`` lets through, with a number below ``before`` or above ``after``, the nearest to it.

        Whatever the side, a page has its newest record first.
        """

    def minutes(self, since_us: int, until_us: int) -> Counted:
        """Counters of the minutes that begin from a time to before another; kept for a week."""

    def days(self, since_us: int, until_us: int) -> Counted:
        """Counters of the UTC days that begin from a time to before another; kept for ever."""

    def quarantine_groups(self, wanted: QuarantineFilter) -> QuarantineGroups:
        """What stands in quarantine, grouped by source, reason, detail and word."""

    def close(self) -> None:
        """Give it back."""


class IndexWriter(Protocol):
    """What makes the index; whoever runs it does so at low priority, and it may be ended at any moment."""

    def step(self) -> bool:
        """Index the next records; whether there may be more.

        An index that is not whole, of another format, under another key or of another outbox is made anew. Raises
        ``StoreFailed``, also where the disk has little left, which is for the journal.
        """

    def tidy(self, now_us: int) -> bool:
        """Take out some of what was purged from the outbox, and old counters; whether there may be more."""

    def clear(self) -> None:
        """Begin anew, with nothing."""

    def close(self) -> None:
        """Give it back."""
