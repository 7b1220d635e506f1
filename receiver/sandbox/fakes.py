"""Fakes that ship: every port in memory, for the tests of this service and of those who build on it.

For a consumer's own tests there is more in ``receiver.sandbox.samples``, as the pytest fixture ``receiver_callbacks``.

Each fake passes the same contract suite as the real adapter (``tests/contract``), so that it cannot drift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from receiver.model.callback import EntryId, JournalEntry, VerifiedCallback
from receiver.model.errors import KafkaFenced, KafkaUnavailable, StoreFailed, Unavailable
from receiver.model.operation import Operation
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined, Request
from receiver.publish.ports import Memory, Message, Places, Tailed
from receiver.publish.routing import POSITIONS_TOPIC, QUARANTINE_TOPIC, Rule, reachable_topics, route
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
    """``ports.Kafka`` in memory: topics of one partition each. A journal's newest publisher fences its others."""

    cluster_id: str = "fake-cluster"
    topic_prefix: str = ""
    rules: Sequence[Rule] = ()
    state_topics: bool = False
    transaction_timeout_s: float = 15
    positions: dict[str, Position] = field(default_factory=dict)
    """Journal id, or ``replay-`` and a run's → the position committed last."""
    messages: list[Message] = field(default_factory=list)
    """All that was committed."""
    missing: set[str] = field(default_factory=set)
    """Topics that are not there."""
    epochs: Counter[str] = field(default_factory=Counter)
    fail: list[Exception] = field(default_factory=list)
    """Raised by the next calls of publishers, one each, before anything happens."""

    @property
    def status_topics(self) -> list[str]:
        """Every topic that a status event can reach."""
        quarantine = f"{self.topic_prefix}{QUARANTINE_TOPIC}"
        return [topic for topic in reachable_topics(self.rules, self.topic_prefix) if topic != quarantine]

    @property
    def event_topics(self) -> list[str]:
        """Every topic that a record of the outbox can reach."""
        return reachable_topics(self.rules, self.topic_prefix, state_topics=self.state_topics)

    @property
    def all_topics(self) -> list[str]:
        """Those and the positions topic."""
        return [*self.event_topics, f"{self.topic_prefix}{POSITIONS_TOPIC}"]

    def publisher(self, journal_id: str) -> FakePublisher:
        """A new producer."""
        return FakePublisher(self, journal_id)

    def replay_publisher(self, run_id: str, journal_id: str, topic: str) -> FakePublisher:
        """A new producer with a position of the run's own."""
        del journal_id, topic
        return FakePublisher(self, f"replay-{run_id}")

    async def memory(self, journal_id: str) -> Memory:
        """What was committed last."""
        return Memory(self.cluster_id, self.positions.get(journal_id))

    def route(self, record: OutboxRecord, journal_id: str) -> Sequence[Message]:
        """The messages of one record."""
        return route(record, self.rules, self.topic_prefix, journal_id, state_topics=self.state_topics)

    async def tail(self, topics: Sequence[str], *, follow: bool) -> AsyncIterator[Tailed]:
        """All that is on ``topics``; with ``follow`` it ends too, for nobody would wait for it in a test."""
        del follow
        for topic in topics:
            for offset, one in enumerate(message for message in self.messages if message.topic == topic):
                yield Tailed(topic, 0, offset, one.key.decode(errors="replace"), one.headers, one.value)

    async def find(self, messages: Sequence[Message], since_ms: int) -> Places:
        """Where messages lie; nothing here has a time, so all of it is looked through."""
        del since_ms
        wanted = {(message.topic, dict(message.headers)["receiver-position"]): message.record for message in messages}
        found: Places = {}
        async for one in self.tail(sorted({message.topic for message in messages}), follow=False):
            headers = dict(one.headers)
            record = wanted.get((one.topic, headers.get("receiver-position", b"")))
            if record is not None and "receiver-replay" not in headers:
                found[one.topic, record] = (one.partition, one.offset)
        return found

    async def create_topics(self) -> list[tuple[str, str]]:
        """Make what is missing."""
        made = [(topic, "created" if topic in self.missing else "exists") for topic in self.all_topics]
        self.missing.clear()
        return made

    async def missing_topics(self) -> list[str]:
        """Those that are not there."""
        return [topic for topic in self.all_topics if topic in self.missing]


class FakePublisher:
    """``ports.Publisher`` on a ``FakeKafka``; ``owner`` is what its position is kept under."""

    def __init__(self, kafka: FakeKafka, owner: str) -> None:
        self._kafka = kafka
        self._owner = owner
        self._epoch = 0

    async def connect(self) -> Memory:
        """Fence the others and give what the cluster remembers."""
        self._fail([f"{self._kafka.topic_prefix}{POSITIONS_TOPIC}"])
        self._kafka.epochs[self._owner] += 1
        self._epoch = self._kafka.epochs[self._owner]
        return await self._kafka.memory(self._owner)

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Take all messages and the position, or none."""
        self._fail({message.topic for message in messages})
        if self._epoch != self._kafka.epochs[self._owner]:
            raise KafkaFenced("a newer producer exists")
        self._kafka.messages.extend(messages)
        self._kafka.positions[self._owner] = position

    async def probe(self, topics: Collection[str]) -> None:
        """Whether all topics are there."""
        self._fail(topics)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _fail(self, topics: Collection[str]) -> None:
        if self._kafka.fail:
            raise self._kafka.fail.pop(0)
        for topic in topics:
            if topic in self._kafka.missing:
                raise KafkaUnavailable(f"topic {topic} is missing; `receiver topics create` makes it")
