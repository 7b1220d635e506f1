"""Fakes that ship: every port in memory, for the tests of this service and of those who build on it.

For a consumer's own tests there is more in ``receiver.sandbox.samples``, as the pytest fixture ``receiver_callbacks``.

Each fake passes the same contract suite as the real adapter (``tests/contract``), so that it cannot drift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from receiver.model.callback import EntryId, JournalEntry, VerifiedCallback
from receiver.model.errors import KafkaFenced, StoreFailed, Unavailable
from receiver.model.operation import Operation
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined, Request
from receiver.publish.ports import Memory, Message
from receiver.sandbox.samples import Callbacks, SignedCallback

__all__ = [
    "Callbacks",
    "FakeClock",
    "FakeInbox",
    "FakeKafka",
    "FakeOutbox",
    "FakePublisher",
    "FakeRequests",
    "SignedCallback",
]


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    us: int = 1_716_800_130_000_000
    monotonic: float = 0.0

    def now_us(self) -> int:
        """Unix time, microseconds."""
        return self.us

    def monotonic_s(self) -> float:
        """Seconds that only ``advance`` moves."""
        return self.monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self.us += int(seconds * 1_000_000)
        self.monotonic += seconds


class FakeInbox:
    """An inbox in memory: writer and reader in one. ``refuse`` makes it answer that it takes nothing."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.refuse: str | None = None

    async def append(self, callback: VerifiedCallback) -> int:
        """Keep the callback; raises ``Unavailable`` while ``refuse`` is set."""
        if self.refuse is not None:
            raise Unavailable(self.refuse)
        entry = JournalEntry(self.last_number() + 1, callback)
        self.entries.append(entry)
        return entry.number

    def accepting(self) -> str | None:
        """None, or why not."""
        return self.refuse

    def entry(self, number: int) -> JournalEntry | None:
        """One entry."""
        return next((entry for entry in self.entries if entry.number == number), None)

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Entries above ``after``."""
        return [entry for entry in self.entries if entry.number > after][:limit]

    def last_number(self) -> int:
        """The highest number given so far."""
        return self.entries[-1].number if self.entries else 0


class FakeRequests:
    """A requests store in memory."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Keep one request and give its number."""
        self.requests.append(Request(self.last_number() + 1, request_type, made_at_us, payload))
        return self.last_number()

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Requests above ``after``."""
        return [request for request in self.requests if request.number > after][:limit]

    def last_number(self) -> int:
        """The highest number given so far."""
        return len(self.requests)


@dataclass
class FakeOutbox:
    """An outbox in memory."""

    records: list[OutboxRecord] = field(default_factory=list)
    outcomes: dict[tuple[str, int], Outcome] = field(default_factory=dict)
    known: dict[str, Operation] = field(default_factory=dict)
    read_up_to: dict[str, Progress] = field(default_factory=dict)
    memory: dict[str, Position] = field(default_factory=dict)
    odd: dict[EntryId, Quarantined] = field(default_factory=dict)
    unknown_fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    last_heard_us: dict[str, int] = field(default_factory=dict)

    def progress(self, store: str) -> Progress:
        """How far ``store`` has been interpreted."""
        return self.read_up_to.get(store, Progress())

    def last_number(self) -> int:
        """The highest record number given so far."""
        return self.records[-1].number if self.records else 0

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The known operations among ``keys``."""
        return {key: self.known[key] for key in keys if key in self.known}

    def commit(self, batch: OutboxBatch) -> None:
        """Take the whole batch."""
        stands = self.progress("inbox").number, self.last_number()
        if batch.follows is not None and stands != batch.follows:
            raise StoreFailed(f"the outbox stands at {stands}, not at {batch.follows}")
        self.records.extend(batch.records)
        self.outcomes.update({(outcome.store, outcome.number): outcome for outcome in batch.outcomes})
        for key, state in batch.states.items():
            self.known[key] = Operation(state, self.known.get(key, Operation()).seen)
        for key, seen in batch.seen:
            before = self.known[key]
            others = tuple(one for one in before.seen if one.event_id != seen.event_id)
            self.known[key] = Operation(before.state, (*others, seen))
        self.read_up_to.update(batch.progress)
        for one in batch.quarantined:
            standing = self.odd.get(one.id, one)
            self.odd[one.id] = replace(one, record=standing.record if one.record is None else one.record)
        self.unknown_fields.update(batch.unknown_fields)
        self.last_heard_us.update(batch.last_heard_us)

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those that are or were in quarantine."""
        return {one: self.odd[one] for one in ids if one in self.odd}

    def replace(self, record: OutboxRecord) -> None:
        """Take another record in the place of one."""
        said = orjson.loads(record.value)
        entry = EntryId.parse(record.record_id) if record.record_type == "quarantine" else EntryId("inbox", 0)
        if entry.number:
            row = (record.source, said["reason"], said["detail"], record.received_at)
            self.odd[entry] = Quarantined(entry, *row, "open", "", record.number)
        self.records = [record if old.number == record.number else old for old in self.records]
        for at, outcome in self.outcomes.items():
            if outcome.record == record.number and outcome.outcome == "event":
                self.outcomes[at] = replace(outcome, outcome="quarantine")

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Records above ``after``."""
        return [record for record in self.records if record.number > after][:limit]

    def record_id(self, number: int) -> str | None:
        """The id of one record."""
        return next((record.record_id for record in self.records if record.number == number), None)

    def request_of(self, number: int) -> int | None:
        """The request whose answer became record ``number``."""
        wanted = (store_number for store_number, one in self.outcomes.items() if one.record == number)
        return next((place for store, place in wanted if store == "requests"), None)

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


@dataclass
class FakeKafka:
    """A cluster in memory that any number of ``FakePublisher`` speak to; the newest fences the others."""

    cluster_id: str = "fake-cluster"
    position: Position | None = None
    messages: list[Message] = field(default_factory=list)
    epoch: int = 0
    fail: list[Exception] = field(default_factory=list)
    """Raised by the next calls, one each, before anything happens."""

    def publisher(self) -> FakePublisher:
        """A new producer."""
        return FakePublisher(self)


class FakePublisher:
    """``ports.Publisher`` on a ``FakeKafka``."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka
        self._epoch = 0

    async def connect(self) -> Memory:
        """Fence the others and give what the cluster remembers."""
        self._fail()
        self._kafka.epoch += 1
        self._epoch = self._kafka.epoch
        return Memory(self._kafka.cluster_id, self._kafka.position)

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Take all messages and the position, or none."""
        self._fail()
        if self._epoch != self._kafka.epoch:
            raise KafkaFenced("a newer producer exists")
        self._kafka.messages.extend(messages)
        self._kafka.position = position

    async def probe(self, topics: Collection[str]) -> None:
        """All topics are there."""
        del topics
        self._fail()

    async def close(self) -> None:
        """Nothing to let go of."""

    def _fail(self) -> None:
        if self._kafka.fail:
            raise self._kafka.fail.pop(0)
