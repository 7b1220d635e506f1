"""An outbox in memory, with what people look up in it, and the way to change it by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import orjson

from receiver.journal.erasing import Erasure
from receiver.journal.search import OTHER_FIELDS, UNKNOWN_FIELD_CHARACTERS_MAX, UNKNOWN_FIELDS_MAX
from receiver.model.callback import EntryId, JournalEntry, Store, entry_digest
from receiver.model.errors import StoreFailed
from receiver.model.forgotten import with_contents
from receiver.model.operation import Operation, OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined
from receiver.model.times import from_us, to_us


@dataclass
class MemoryOutbox:
    """``ports.Outbox`` and ``ports.TakeOver``."""

    records: list[OutboxRecord] = field(default_factory=list)
    outcomes: dict[EntryId, Outcome] = field(default_factory=dict)
    known: dict[str, Operation] = field(default_factory=dict)
    """Operation key → the operation; in the order in which they were first heard of."""
    days: dict[int, str] = field(default_factory=dict)
    """Record → the UTC day of its callback's receipt, YYYY-MM-DD; kept when the record goes."""
    outcomes_purged_to: int = 0
    """The highest callback whose outcome was purged."""
    read_up_to: dict[str, Progress] = field(default_factory=dict)
    memory: dict[str, Position] = field(default_factory=dict)
    spread: dict[str, dict[str, int]] = field(default_factory=dict)
    """Cluster id → topic → the number of partitions that its keys are spread over."""
    standings: dict[EntryId, Quarantined] = field(default_factory=dict)
    unknown_fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_seen: dict[tuple[str, str], str] = field(default_factory=dict)
    last_heard_us: dict[str, int] = field(default_factory=dict)
    last: int = 0

    def progress(self, store: str) -> Progress:
        """How far ``store`` has been interpreted."""
        return self.read_up_to.get(store, Progress())

    def last_number(self) -> int:
        """The highest record number given so far."""
        return self.last

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The known operations among ``keys``."""
        return {key: self.known[key] for key in keys if key in self.known}

    def commit(self, batch: OutboxBatch) -> None:
        """Take the whole batch."""
        stands = self.progress("inbox").number, self.last
        if batch.follows is not None and stands != batch.follows:
            raise StoreFailed(f"the outbox stands at {stands}, not at {batch.follows}")
        given = {record.number for record in self.records}
        if any(record.number in given for record in batch.records):
            raise StoreFailed("a record of the batch has a number that was given")
        self._put(batch.records)
        for key, state in batch.states.items():
            self.known[key] = replace(self.known.get(key, Operation()), state=state)
        self.outcomes.update({EntryId(one.store, one.number): self._of_known(one) for one in batch.outcomes})
        for key, seen in batch.seen:
            self._add_content(key, seen)
        self.read_up_to.update(batch.progress)
        for standing in batch.quarantined:
            before = self.standings.get(standing.id, standing)
            record = before.record if standing.record is None else standing.record
            self._stand(replace(standing, record=record))
        self._note_sources(batch)

    def _stand(self, standing: Quarantined) -> None:
        # Where an entry came from, and when, does not change.
        before = self.standings.get(standing.id, standing)
        self.standings[standing.id] = replace(standing, source=before.source, received_at=before.received_at)

    def _of_known(self, outcome: Outcome) -> Outcome:
        return outcome if outcome.operation in self.known else replace(outcome, operation=None)

    def _put(self, records: Iterable[OutboxRecord]) -> None:
        new = {record.number: record for record in records}
        kept = (record for record in self.records if record.number not in new)
        self.records = sorted([*kept, *new.values()], key=lambda record: record.number)
        self.days.update({number: record.received_at[:10] for number, record in new.items()})
        self.last = max([self.last, *new])

    def _add_content(self, key: str, seen: Seen) -> None:
        before = self.known[key]
        others = tuple(content for content in before.seen if content.event_id != seen.event_id)
        self.known[key] = replace(before, seen=(*others, seen))

    def _note_sources(self, batch: OutboxBatch) -> None:
        for source, at_us in batch.last_heard_us.items():
            self.last_heard_us[source] = max(at_us, self.last_heard_us.get(source, at_us))
        for (source, name), count in batch.unknown_fields.items():
            place = source, self._field(source, name[:UNKNOWN_FIELD_CHARACTERS_MAX])
            self.first_seen.setdefault(place, from_us(batch.last_heard_us.get(source, batch.polled_at_us)))
            self.unknown_fields[place] += count

    def _field(self, source: str, name: str) -> str:
        full = sum(of == source for of, _ in self.unknown_fields) >= UNKNOWN_FIELDS_MAX
        return OTHER_FIELDS if full and (source, name) not in self.unknown_fields else name

    def replace(self, record: OutboxRecord) -> None:
        """Take another record in the place of one."""
        said = orjson.loads(record.value)
        entry = EntryId.parse(record.record_id) if record.record_type == "quarantine" else None
        if entry is not None and entry.number:
            row = (record.source, said["reason"], said["detail"], record.received_at)
            self._stand(Quarantined(entry, *row, "open", "", record.number))
            outcome = self.outcomes.get(entry)
            if outcome is not None and outcome.outcome == "event":
                self.outcomes[entry] = replace(outcome, outcome="quarantine")
        self.records = [record if old.number == record.number else old for old in self.records]

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Records above ``after``."""
        return [record for record in self.records if record.number > after][:limit]

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those that are or were in quarantine."""
        return {entry_id: self.standings[entry_id] for entry_id in ids if entry_id in self.standings}

    def in_quarantine_between(self, first: int, last: int) -> set[int]:
        """The inbox numbers of those in quarantine."""
        unread = (one.id for one in self.standings.values() if one.state != "redriven")
        return {entry.number for entry in unread if entry.store == "inbox" and first <= entry.number <= last}

    def record(self, number: int) -> OutboxRecord | None:
        """One record."""
        return next((record for record in self.records if record.number == number), None)

    def record_id(self, number: int) -> str | None:
        """The id of one record."""
        record = self.record(number)
        return None if record is None else record.record_id

    def request_of(self, number: int) -> int | None:
        """The request whose answer became record ``number``."""
        wanted = (one for one in self.outcomes.values() if (one.store, one.record) == ("requests", number))
        return next((one.number for one in wanted if one.outcome == "event"), None)

    def outcomes_between(self, first: int, last: int) -> dict[int, Outcome]:
        """Inbox number → what became of the callback."""
        found = {at: self.outcomes.get(EntryId("inbox", at)) for at in range(first, last + 1)}
        return {at: outcome for at, outcome in found.items() if outcome is not None}

    def duplicates(self, after: int, limit: int) -> Sequence[int]:
        """Inbox numbers of callbacks that say what another callback said."""
        of_answers = {record.number for record in self.records if record.callback is None}
        found = (one for one in self.outcomes.values() if (one.store, one.outcome) == ("inbox", "duplicate"))
        numbers = (one.number for one in found if one.number > after and one.record not in of_answers)
        return sorted(numbers)[:limit]

    def next_record_us(self, after: int) -> int | None:
        """Time of receipt of the first record above ``after``."""
        return next((to_us(record.received_at) for record in self.read(after, 1)), None)

    def last_heard(self) -> dict[str, int]:
        """Source → time of receipt of its newest callback."""
        return dict(self.last_heard_us)

    def remembered(self, cluster_id: str) -> Position | None:
        """The local copy for one cluster."""
        return self.memory.get(cluster_id)

    def latest_remembered(self) -> tuple[str, Position] | None:
        """The local copy written last."""
        return next(reversed(self.memory.items()), None)

    def remember(self, cluster_id: str, position: Position) -> None:
        """Write the local copy."""
        self.memory.pop(cluster_id, None)
        self.memory[cluster_id] = position

    def topic_partitions(self, cluster_id: str) -> dict[str, int]:
        """Topic → the number of partitions that its keys are spread over."""
        return dict(self.spread.get(cluster_id, {}))

    def note_topic_partitions(self, cluster_id: str, partitions: Mapping[str, int]) -> None:
        """Keep such numbers."""
        self.spread.setdefault(cluster_id, {}).update(partitions)

    def settled(self, numbers: Collection[int]) -> set[int]:
        """Those callbacks that are interpreted, published, and not in quarantine."""
        published, interpreted = self._published(), self.progress("inbox").number
        found = {number: self.outcomes.get(EntryId("inbox", number)) for number in numbers if number <= interpreted}
        return {number for number, outcome in found.items() if published and _is_settled(outcome, published)}

    def purge(self, records_before: str | None, contents_before: str | None, limit: int) -> int:
        """Delete published events and contents older than two times."""
        published = self._published()
        old = [
            record
            for record in self.records
            if record.record_type == "event"
            and record.number < published
            and record.received_at < (records_before or "")
        ][:limit]
        self.records = [record for record in self.records if record not in old]
        if old:
            self._forget_outcomes(max(record.callback or 0 for record in old), old[-1].number)
        return len(old) + self._purge_contents((contents_before or "")[:10], limit)

    def _forget_outcomes(self, callback: int, record: int) -> None:
        def gone(outcome: Outcome) -> bool:
            last = outcome.record if outcome.record is not None else record + 1
            old = outcome.number <= callback if outcome.store == "inbox" else last <= record
            return old and outcome.outcome != "quarantine"

        self.outcomes_purged_to = max(self.outcomes_purged_to, callback)
        self.outcomes = {entry_id: outcome for entry_id, outcome in self.outcomes.items() if not gone(outcome)}

    def _purge_contents(self, before_day: str, limit: int) -> int:
        count = 0
        for key, operation in self.known.items():
            old = [seen for seen in operation.seen if self._may_go(seen, before_day)][: limit - count]
            count += len(old)
            left = tuple(seen for seen in operation.seen if seen not in old)
            self.known[key] = replace(operation, seen=left, forgotten=with_contents(operation.forgotten, old))
        return count

    def _may_go(self, seen: Seen, before_day: str) -> bool:
        record = self.record(seen.record)
        return self.days[seen.record] < before_day and (record is None or record.record_type == "event")

    def _published(self) -> int:
        latest = self.latest_remembered()
        return latest[1].number if latest else 0

    def take_over(
        self,
        keep_to: int,
        records: Sequence[OutboxRecord],
        *,
        key_of: Callable[[OutboxRecord], str],
        fold: Callable[[Iterable[OutboxRecord]], OperationState],
        entry_at: Callable[[int], JournalEntry | None],
    ) -> int:
        """Undo our records above ``keep_to``, put ``records`` in their place, mend the operations."""
        before = {name: copy(value) for name, value in vars(self).items()}
        try:
            return self._take_over(keep_to, records, key_of, fold, entry_at)
        except BaseException:
            vars(self).update(before)
            raise

    def _take_over(
        self,
        keep_to: int,
        records: Sequence[OutboxRecord],
        key_of: Callable[[OutboxRecord], str],
        fold: Callable[[Iterable[OutboxRecord]], OperationState],
        entry_at: Callable[[int], JournalEntry | None],
    ) -> int:
        undone = [record for record in self.records if record.number > keep_to and record.record_type == "event"]
        above = [one for one in self.outcomes.values() if one.record is not None and one.record > keep_to]
        interpreted = self.progress("inbox").number
        again_from = min([interpreted, *(one.number - 1 for one in above if one.store == "inbox")])
        self._undo("inbox", again_from)
        entry = entry_at(again_from)
        self.read_up_to["inbox"] = Progress(again_from, entry_digest(entry) if entry else b"")
        answers = [one.number - 1 for one in above if one.store == "requests"]
        if answers:
            polls_from = min([self.progress("requests").number, *answers])
            self._undo("requests", polls_from)
            self.read_up_to["requests"] = Progress(polls_from, b"")
        self.records = [record for record in self.records if record.number <= keep_to]
        self.known = {
            key: replace(one, seen=tuple(seen for seen in one.seen if seen.record <= keep_to))
            for key, one in self.known.items()
        }
        taken = [record for record in records if record.record_type == "event"]
        for key in dict.fromkeys(map(key_of, (*undone, *taken))):
            self._mend(key, [record for record in taken if key_of(record) == key], fold)
        self._put(records)
        return again_from

    def _undo(self, store: Store, after: int) -> None:
        self.outcomes = {
            entry_id: outcome
            for entry_id, outcome in self.outcomes.items()
            if entry_id.store != store or entry_id.number <= after
        }

    def _mend(
        self,
        key: str,
        taken: list[OutboxRecord],
        fold: Callable[[Iterable[OutboxRecord]], OperationState],
    ) -> None:
        before = self.known.get(key, Operation())
        kept = {seen.event_id: seen for seen in before.seen}
        numbers = {seen.record for seen in kept.values()}
        # In the place of one that Kafka refused stands no event.
        events = [one for one in self.records if one.number in numbers and one.record_type == "event"] + taken
        if events:
            # Also contents whose records were purged: whoever repeats them is still known.
            kept |= {record.record_id: Seen(record.record_id, b"", record.number) for record in events}
            seen = tuple(sorted(kept.values(), key=lambda seen: seen.record))
            self.known[key] = replace(before, state=fold(events), seen=seen)
        elif self.known.pop(key, None) is not None:
            self.outcomes = {entry_id: self._of_known(outcome) for entry_id, outcome in self.outcomes.items()}

    def empty(self, erasure: Erasure, reason: str) -> None:
        """Put others in the place of an operation's records, and close what stands in quarantine."""
        emptied = {record.number: record for record in erasure.records}
        self.records = [emptied.get(record.number, record) for record in self.records]
        known = self.known.get(erasure.operation)
        if known is not None:
            seen = tuple(replace(content, payload_digest=b"") for content in known.seen)
            self.known[erasure.operation] = Operation(known.state, seen)
        ids = {EntryId("inbox", number) for number in erasure.callbacks}
        for entry_id in ids | {EntryId("requests", number) for number in erasure.answers}:
            standing = self.standings.get(entry_id)
            if standing is not None and standing.state == "open":
                self.standings[entry_id] = replace(standing, state="closed", why=f"erased: {reason}")

    def close(self) -> None:
        """It goes on for whoever else has it."""


def _is_settled(outcome: Outcome | None, published: int) -> bool:
    # None: interpreted, and its outcome purged.
    return outcome is None or (outcome.outcome != "quarantine" and (outcome.record or 0) <= published)
