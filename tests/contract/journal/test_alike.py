"""Whatever happens to an outbox, all engines tell the same of it: random histories, told by each and compared.

What a suite of examples forgets is found here: a fake that drifts from the real one, or an engine from another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.journal.handle import Journal
from receiver.journal.ports import Outbox
from receiver.model.callback import EntryId, JournalEntry
from receiver.model.operation import OperationState
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, QuarantineFilter
from tests.contract.journal.conftest import ENGINES
from tests.contract.journal.samples import START_US, callback, event, key, quarantine_record, seen, standing, state

COMPARED = {name: make for name, make in ENGINES.items() if name != "postgres sealed"}
"""What is sealed there is told by the same statements, and each costs a way to the server."""
OPERATIONS = ["a", "A", "a%", "_"]
SOURCES = ["main", "other"]
days = st.integers(0, 4)
entries = st.tuples(
    st.sampled_from(["inbox", "requests"]),
    st.sampled_from(["event", "event", "duplicate", "quarantine"]),
    st.sampled_from(OPERATIONS),
    days,
)
steps = st.one_of(
    st.tuples(st.just("commit"), st.lists(entries, max_size=6)),
    st.tuples(st.just("remember"), st.integers(0, 5)),
    st.tuples(st.just("replace"), st.integers(0, 5)),
    st.tuples(st.just("redrive"), st.sampled_from(OPERATIONS)),
    st.tuples(st.just("purge"), st.tuples(st.none() | days, st.none() | days)),
    st.tuples(st.just("take over"), st.tuples(st.integers(0, 5), st.lists(st.sampled_from(OPERATIONS), max_size=3))),
)


@dataclass
class History:
    """What happens, decided by what the first engine tells; every engine suffers the same."""

    journals: Mapping[str, Journal]
    outboxes: Mapping[str, Outbox]
    last: dict[str, int] = field(default_factory=lambda: {"inbox": 0, "requests": 0})
    taken: int = 0

    @property
    def first(self) -> Outbox:
        """The engine that is asked."""
        return next(iter(self.outboxes.values()))

    def step(self, name: str, detail: Any) -> None:
        """One thing that happens."""
        getattr(self, name.replace(" ", "_"))(detail)

    def commit(self, chosen: list[tuple[Any, str, str, int]]) -> None:
        """A batch of callbacks and answers."""
        made = OutboxBatch(follows=(self.first.progress("inbox").number, self.first.last_number()))
        for store, became, operation, day in chosen:
            number = self.first.progress(store).number if store not in made.progress else made.progress[store].number
            self.add(made, EntryId(store, number + 1), became, operation, day)
            made.progress[store] = Progress(number + 1, bytes([number % 256]))
            self.last[store] = max(self.last[store], number + 1)
        for outbox in self.outboxes.values():
            outbox.commit(made)

    def add(self, made: OutboxBatch, entry: EntryId, became: str, operation: str, day: int) -> None:
        """What becomes of one entry."""
        number = self.first.last_number() + len(made.records) + 1
        of = entry.number if entry.store == "inbox" else None
        source = SOURCES[day % 2]
        made.last_heard_us[source] = START_US + day
        made.unknown_fields[source, operation] = day + 1
        if became == "duplicate":
            said = number % 3 or None
            made.outcomes.append(Outcome(entry.store, entry.number, "duplicate", said, key(operation)))
            return
        if became == "event":
            record = event(number, operation, day, record_id=f"{entry}/{number}", callback=of)
            made.states[key(operation)] = state(number)
            made.seen.append(seen(record))
            made.outcomes.append(Outcome(entry.store, entry.number, "event", number, key(operation)))
        else:
            record = quarantine_record(number, entry, callback=of)
            made.quarantined.append(standing(entry, number, source=source, received_at=record.received_at))
            made.outcomes.append(Outcome(entry.store, entry.number, "quarantine", number, None))
        made.records.append(record)

    def record(self, place: int) -> OutboxRecord | None:
        """One of the records that are there, counted from the last."""
        records = self.first.read(0, 1000)
        return records[-1 - place] if place < len(records) else None

    def remember(self, place: int) -> None:
        """Kafka confirmed one."""
        record = self.record(place)
        for outbox in self.outboxes.values() if record else ():
            assert record is not None
            outbox.remember(f"cluster {place % 2}", Position(record.number, record.record_id))

    def replace(self, place: int) -> None:
        """Kafka refuses one."""
        record = self.record(place)
        if record is None:
            return
        request = self.first.request_of(record.number)
        entry = EntryId("requests", request) if request else EntryId("inbox", record.callback or 0)
        changes = {"record_type": "withheld"} if record.record_type == "quarantine" else {}
        for outbox in self.outboxes.values():
            outbox.replace(quarantine_record(record.number, entry, callback=record.callback, **changes))

    def redrive(self, operation: str) -> None:
        """All that is in quarantine became an event of this operation."""
        journal = next(iter(self.journals.values()))
        made = OutboxBatch()
        for one in journal.search().quarantine(QuarantineFilter(), None, 1000):
            self.add(made, one.id, "event", operation, 0)
            made.quarantined.append(replace(one, state="redriven", record=None))
        for outbox in self.outboxes.values():
            outbox.commit(made)

    def purge(self, before: tuple[int | None, int | None]) -> None:
        """What is old goes."""
        records, contents = (None if day is None else f"2024-05-{27 + day}" for day in before)
        assert len({outbox.purge(records, contents, 1000) for outbox in self.outboxes.values()}) == 1

    def take_over(self, chosen: tuple[int, list[str]]) -> None:
        """A person undoes some records and puts others in their place."""
        place, operations = chosen
        record = self.record(place)
        keep_to = record.number if record else 0
        self.taken += 1
        records = [
            event(keep_to + at, operation, record_id=f"taken {self.taken} {at}", callback=None)
            for at, operation in enumerate(operations, start=1)
        ]
        found = set()
        for journal in self.journals.values():
            hand = journal.take_over()
            found.add(hand.take_over(keep_to, records, key_of=key_of, fold=fold, entry_at=entry_at))

            hand.close()
        assert len(found) == 1


def key_of(record: OutboxRecord) -> str:
    """The key of an event's operation."""
    return key(record.operation_id)


def fold(events: Iterable[OutboxRecord]) -> OperationState:
    """A state that tells which events it was made of."""
    ids = [record.record_id for record in events]
    return OperationState(len(ids), "Done", event_id=ids[-1], revisions=dict.fromkeys(ids, 1))


def entry_at(number: int) -> JournalEntry | None:
    """The inbox; of odd numbers the callbacks were purged."""
    return None if number % 2 else JournalEntry(number, callback(number))


def told(journal: Journal, outbox: Outbox, last: Mapping[str, int]) -> dict[str, Any]:
    """All that there is to be told of an outbox, by what was asked."""
    records, keys = range(outbox.last_number() + 2), list(map(key, OPERATIONS))
    ids = [EntryId(store, number) for store in ("inbox", "requests") for number in range(last[store] + 2)]
    search = journal.search()
    found = search.operations_by_key(keys)
    said = {
        "progress": [outbox.progress("inbox"), outbox.progress("requests")],
        "last_number": outbox.last_number(),
        "read": list(outbox.read(0, 1000)),
        "operations": outbox.operations(keys),
        "outcomes": outbox.outcomes_between(0, last["inbox"]),
        "quarantined": outbox.quarantined(ids),
        "record_ids": [outbox.record_id(number) for number in records],
        "requests": [outbox.request_of(number) for number in records],
        "times": [outbox.next_record_us(number) for number in records],
        "heard": outbox.last_heard(),
        "remembered": [outbox.remembered("cluster 0"), outbox.remembered("cluster 1"), outbox.latest_remembered()],
        "settled": outbox.settled(range(last["inbox"] + 2)),
        "keys": [one.key for one in found],
        "ids": [[one.key for one in search.operations_by_id(identity)] for identity in OPERATIONS],
        "arrivals": [search.arrivals(one.number) for one in found],
        "records_of": [search.records_of(one.number) for one in found],
        "record": [search.record(number) for number in records],
        "standings": list(search.quarantine(QuarantineFilter(state=None), None, 1000)),
        "open": list(search.quarantine(QuarantineFilter(source="main"), EntryId("inbox", 1), 2)),
        "drift": search.drift(),
    }
    search.close()
    return said


@pytest.mark.long(seconds=25)
@settings(max_examples=30, deadline=None)
@given(st.lists(steps, min_size=1, max_size=12))
def test_all_engines_tell_the_same(history: list[tuple[str, Any]]) -> None:
    """After each step, whatever is asked."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        journals = {name: stack.enter_context(make(Path(folder))).journal for name, make in COMPARED.items()}
        outboxes = {name: journal.outbox(write=True) for name, journal in journals.items()}
        for outbox in outboxes.values():
            stack.callback(outbox.close)
        made = History(journals, outboxes)
        for name, detail in history:
            made.step(name, detail)
            first, *others = (told(journals[engine], outboxes[engine], made.last) for engine in COMPARED)
            for asked, other in ((asked, other) for other in others for asked in first):
                assert other[asked] == first[asked], asked
