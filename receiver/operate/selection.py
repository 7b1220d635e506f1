"""Choosing callbacks and events from a journal: by time, source, operation, status. One pass, in order of receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.journal.index import Wanted
from receiver.journal.ports import InboxReader, Outbox
from receiver.journal.search import OPERATIONS_MAX, FoundOperation, Search
from receiver.journal.terms import amount_words, lets_through, number_word
from receiver.model.callback import JournalEntry
from receiver.model.records import OutboxRecord, Outcome
from receiver.model.times import from_us

STEP = 500
END_US = (1 << 63) - 1
"""After every time of receipt, Unix microseconds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted; None lets all through. Times are Unix microseconds, ``until`` exclusive."""

    since_us: int | None = None
    until_us: int | None = None
    source: str | None = None
    provider: str | None = None
    family: str | None = None
    kind: str | None = None
    operation: str | None = None
    status: str | None = None
    sequence: int | None = None
    anomaly: str | None = None
    effective: bool | None = None
    observed_via: str | None = None
    amount: str | None = None
    """Digits; an event that has an equal number for what was spent, received or paid out is wanted."""
    limit: int | None = None

    @property
    def about_events(self) -> bool:
        """Whether only what became an event can pass."""
        return bool(self._fields) or self.anomaly is not None or self.amount is not None

    @property
    def of_records(self) -> Wanted:
        """As much of it as is known of an event's record: all but its sequence and the limit."""
        return Wanted(
            provider=self.provider,
            source=self.source,
            family=self.family,
            kind=self.kind,
            operation_id=self.operation,
            status=self.status,
            since=None if self.since_us is None else from_us(self.since_us),
            until=None if self.until_us is None else from_us(self.until_us),
            anomaly=self.anomaly,
            effective=self.effective,
            observed_via=self.observed_via,
            amount=self.amount,
        )

    @property
    def about_time(self) -> bool:
        """Whether the time of receipt matters."""
        return self.since_us is not None or self.until_us is not None

    def lets_event(self, event: Mapping[str, Any]) -> bool:
        """Whether an event's own fields are what is wanted."""
        return (
            self.source in {None, event["source"]}
            and all(event[name] == value for name, value in self._fields.items())
            and (self.anomaly is None or self.anomaly in event["anomalies"])
            and (self.amount is None or number_word(self.amount) in amount_words(event))
        )

    @property
    def _fields(self) -> Mapping[str, Any]:
        """Field of an event → what has to stand there."""
        wanted = {
            "provider": self.provider,
            "family": self.family,
            "kind": self.kind,
            "operation_id": self.operation,
            "status": self.status,
            "sequence": self.sequence,
            "effective": self.effective,
            "observed_via": self.observed_via,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def lets_time(self, at_us: int) -> bool:
        """Whether a time of receipt is wanted."""
        return (self.since_us is None or at_us >= self.since_us) and (self.until_us is None or at_us < self.until_us)


def steps_of_events(
    search: Search, wanted: Wanted, after: int, step: int
) -> Iterator[tuple[int, Sequence[OutboxRecord]]]:
    """The events above ``after`` that are wanted, ascending: (the number that was reached, those up to it, maybe none).

    ``step``: how many are read at once.
    """
    while records := search.events(wanted.of_columns, after, step):
        after = records[-1].number
        yield after, [one for one in records if lets_through(wanted, one)] if wanted.about_values else records


@dataclass(frozen=True, slots=True)
class Chosen:
    """A callback, and what it became."""

    entry: JournalEntry
    outcome: str
    record: OutboxRecord | None
    event: Mapping[str, Any] | None
    """Of its event, or of the event that it repeats; None where nobody could read it."""


def choose(  # noqa: PLR0913  what is read, and what is wanted of it
    inbox: InboxReader,
    outbox: Outbox,
    search: Search,
    wanted: Filter,
    after: int = 0,
    *,
    with_id: Callable[[str], Sequence[FoundOperation]] | None = None,
) -> Iterator[Chosen]:
    """The chosen callbacks above ``after``, in order of receipt; those not yet interpreted are not among them.

    ``with_id`` finds operations by an id of their provider faster than ``search`` does.
    """
    given = 0
    named = (with_id or search.operations_by_id)(wanted.operation) if wanted.operation is not None else None
    of_operations = named is not None and len(named) < OPERATIONS_MAX
    for entry, outcome in (
        _of_operations(inbox, search, named or (), after) if of_operations else _all(inbox, outbox, wanted, after)
    ):
        if wanted.limit is not None and given >= wanted.limit:
            return
        chosen = _chosen(entry, outcome, search, wanted)
        if chosen is not None:
            given += 1
            yield chosen


Candidates = Iterator[tuple[JournalEntry, Outcome | None]]


def _of_operations(inbox: InboxReader, search: Search, named: Sequence[FoundOperation], after: int) -> Candidates:
    """The callbacks of some operations: no other body is read."""
    outcomes = [one for found in named for one in search.arrivals(found.number) if one.store == "inbox"]
    for outcome in sorted(outcomes, key=lambda one: one.number):
        entry = inbox.entry(outcome.number) if outcome.number > after else None
        if entry is not None:
            yield entry, outcome


def _all(inbox: InboxReader, outbox: Outbox, wanted: Filter, after: int) -> Candidates:
    """All callbacks, where nothing says which the chosen ones are."""
    for entries in _pages(inbox, wanted, after):
        known = outbox.outcomes_between(entries[0].number, entries[-1].number)
        for entry in entries:
            yield entry, known.get(entry.number)


def _pages(inbox: InboxReader, wanted: Filter, after: int) -> Iterator[Sequence[JournalEntry]]:
    since_us, until_us = wanted.since_us or 0, END_US if wanted.until_us is None else wanted.until_us
    while True:
        if wanted.about_time:
            number = inbox.next_between(after, since_us, until_us)
            if number is None:
                return
            after = number - 1
        entries = inbox.read(after, STEP)
        if not entries:
            return
        yield entries
        after = entries[-1].number


def _chosen(entry: JournalEntry, outcome: Outcome | None, search: Search, wanted: Filter) -> Chosen | None:
    callback = entry.callback
    if not wanted.lets_time(callback.received_at_us) or wanted.source not in {None, callback.source}:
        return None
    if outcome is None:
        return None
    record = None if outcome.record is None else search.record(outcome.record)
    event = orjson.loads(record.value) if record is not None and record.record_type == "event" else None
    if wanted.about_events and (event is None or not wanted.lets_event(event)):
        return None
    return Chosen(entry, outcome.outcome, record, event)
