"""Choosing callbacks and events from a journal: by time, source, operation, status. One pass, in order of receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.journal.ports import InboxReader, Outbox
from receiver.journal.search import Search
from receiver.model.callback import JournalEntry
from receiver.model.records import OutboxRecord, Outcome

STEP = 500


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
    limit: int | None = None

    @property
    def about_events(self) -> bool:
        """Whether only what became an event can pass."""
        return any((self.provider, self.family, self.kind, self.operation, self.status, self.sequence))

    def lets_event(self, event: Mapping[str, Any]) -> bool:
        """Whether an event's own fields are what is wanted."""
        wanted = {
            "provider": self.provider,
            "family": self.family,
            "kind": self.kind,
            "operation_id": self.operation,
            "status": self.status,
            "sequence": self.sequence,
            "source": self.source,
        }
        return all(value is None or event[name] == value for name, value in wanted.items())

    def lets_time(self, at_us: int) -> bool:
        """Whether a time of receipt is wanted."""
        return (self.since_us is None or at_us >= self.since_us) and (self.until_us is None or at_us < self.until_us)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A callback, and what it became."""

    entry: JournalEntry
    outcome: str
    record: OutboxRecord | None
    event: Mapping[str, Any] | None
    """Of its event, or of the event that it repeats; None where nobody could read it."""


def choose(inbox: InboxReader, outbox: Outbox, search: Search, wanted: Filter, after: int = 0) -> Iterator[Chosen]:
    """The chosen callbacks above ``after``, in order of receipt; those not yet interpreted are not among them."""
    given = 0
    while entries := inbox.read(after, STEP):
        outcomes = outbox.outcomes_between(entries[0].number, entries[-1].number)
        for entry in entries:
            if wanted.limit is not None and given >= wanted.limit:
                return
            chosen = _chosen(entry, outcomes.get(entry.number), search, wanted)
            if chosen is not None:
                given += 1
                yield chosen
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
