"""What people look up, in a journal in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.search import OPERATIONS_MAX, EventFilter, FoundOperation, UnknownField
from receiver.model.callback import EntryId
from receiver.model.operation import key_part
from receiver.model.records import OutboxRecord, Outcome, Quarantined, QuarantineFilter


class MemorySearch:
    """``search.Search``; an operation's number is its place among those that were heard of."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox

    def operations_by_key(self, keys: Collection[str]) -> list[FoundOperation]:
        """Those among ``keys`` that are known."""
        return [operation for operation in self._operations() if operation.key in keys]

    def operations_by_id(self, operation_id: str) -> list[FoundOperation]:
        """Those with this id of their provider."""
        ending = f":{key_part(operation_id)}"
        return [operation for operation in self._operations() if operation.key.endswith(ending)][:OPERATIONS_MAX]

    def operations_by_prefix(self, prefix: str) -> list[FoundOperation]:
        """Those whose id of their provider begins so."""
        begun = key_part(prefix)
        found = [one for one in self._operations() if one.key.rpartition(":")[2].startswith(begun)]
        return found[:OPERATIONS_MAX]

    def events(self, wanted: EventFilter, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Events above ``after`` that the filter lets through."""
        found: list[OutboxRecord] = []
        while len(found) < limit and (records := self._outbox.read(after, limit)):
            found += [record for record in records if record.record_type == "event" and _lets_event(wanted, record)]
            after = records[-1].number
        return found[:limit]

    def _operations(self) -> list[FoundOperation]:
        return [FoundOperation(number, key) for number, key in enumerate(self._outbox.known, start=1)]

    def _key(self, operation: int) -> str | None:
        return next((found.key for found in self._operations() if found.number == operation), None)

    def arrivals(self, operation: int) -> list[Outcome]:
        """What became of each entry about one operation."""
        key = self._key(operation)
        found = [outcome for outcome in self._outbox.outcomes.values() if key is not None and outcome.operation == key]
        return sorted(found, key=lambda outcome: (outcome.store, outcome.number))

    def records_of(self, operation: int) -> list[int]:
        """Outbox numbers of an operation's events."""
        key = self._key(operation)
        return sorted(seen.record for seen in self._outbox.known[key].seen) if key is not None else []

    def record(self, number: int) -> OutboxRecord | None:
        """One outbox record."""
        return self._outbox.record(number)

    def records(self, numbers: Sequence[int]) -> Sequence[OutboxRecord]:
        """Those among some that are there."""
        found = (self.record(number) for number in numbers)
        return [record for record in found if record is not None]

    def quarantine(self, wanted: QuarantineFilter, after: EntryId | None, limit: int) -> Sequence[Quarantined]:
        """Standings above ``after`` that the filter lets through."""
        start = ("", 0) if after is None else (after.store, after.number)
        places = {(entry.store, entry.number): standing for entry, standing in self._outbox.standings.items()}
        chosen = (places[place] for place in sorted(places) if place > start)
        return [standing for standing in chosen if lets_through(wanted, standing)][:limit]

    def drift(self) -> list[UnknownField]:
        """Unknown fields by source, the most frequent first."""
        counts, first_seen = self._outbox.unknown_fields, self._outbox.first_seen
        rows = sorted(counts.items(), key=lambda row: (row[0][0], -row[1], row[0][1]))
        return [UnknownField(source, name, count, first_seen[source, name]) for (source, name), count in rows]

    def close(self) -> None:
        """It goes on for whoever else has it."""


def _lets_event(wanted: EventFilter, record: OutboxRecord) -> bool:
    return (
        wanted.event_id in {None, record.record_id}
        and wanted.provider in {None, record.provider}
        and wanted.source in {None, record.source}
        and wanted.family in {None, record.family}
        and wanted.kind in {None, record.kind}
        and wanted.operation_id in {None, record.operation_id}
        and wanted.status in {None, record.status}
        and (wanted.since is None or record.received_at >= wanted.since)
        and (wanted.until is None or record.received_at < wanted.until)
    )


def lets_through(wanted: QuarantineFilter, standing: Quarantined) -> bool:
    """Whether a filter lets a standing through."""
    return (
        wanted.source in {None, standing.source}
        and wanted.reason in {None, standing.reason}
        and wanted.state in {None, standing.state}
        and (wanted.since is None or standing.received_at >= wanted.since)
        and (wanted.until is None or standing.received_at < wanted.until)
    )
