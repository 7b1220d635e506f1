"""Fakes that ship: the journal, Kafka and the clock in memory, for our tests and those of who builds on this service.

For a consumer's own tests there is more in ``receiver.sandbox.samples``, as the pytest fixture ``receiver_callbacks``.

Each fake passes the same contract suite as the real adapter (``tests/contract``), so that it cannot drift.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from receiver.journal.memory.journal import MemoryJournal
from receiver.model.errors import KafkaFenced, KafkaUnavailable
from receiver.model.records import OutboxRecord, Position
from receiver.publish.ports import Expected, Finding, Memory, Message, Places, Spread, Tailed
from receiver.publish.routing import POSITIONS_TOPIC, QUARANTINE_TOPIC, Rule, reachable_topics, route
from receiver.publish.spread import changes
from receiver.sandbox.samples import Callbacks, SignedCallback

__all__ = [
    "Callbacks",
    "FakeClock",
    "FakeKafka",
    "FakePublisher",
    "MemoryJournal",
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
    partitions: dict[str, int] = field(default_factory=dict)
    """Topic → how many partitions it says it has; 1 where it is not named. Everything lies in partition 0."""
    epochs: Counter[str] = field(default_factory=Counter)
    fail: list[Exception] = field(default_factory=list)
    """Raised by the next calls of publishers, one each, before anything happens."""
    throttle_s: float = 0
    """How long publishers are to wait before they send again."""

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

    def publisher(self, journal_id: str, spread: Spread | None = None) -> FakePublisher:
        """A new producer."""
        return FakePublisher(self, journal_id, spread)

    def replay_publisher(self, run_id: str, journal_id: str, topic: str, spread: Spread | None = None) -> FakePublisher:
        """A new producer with a position of the run's own."""
        del journal_id, topic
        return FakePublisher(self, f"replay-{run_id}", spread)

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

    async def topic_partitions(self) -> tuple[str, Mapping[str, int]]:
        """As ``partitions`` says."""
        there = [topic for topic in self.event_topics if topic not in self.missing]
        return self.cluster_id, {topic: self.partitions.get(topic, 1) for topic in there}

    async def survey(self, expected: Expected) -> list[Finding]:
        """What is missing."""
        del expected
        return [
            Finding(fault=True, text=f"topic {topic} is missing", mend="receiver topics create")
            for topic in self.all_topics
            if topic in self.missing
        ]

    async def missing_topics(self) -> list[str]:
        """Those that are not there."""
        return [topic for topic in self.all_topics if topic in self.missing]


class FakePublisher:
    """``ports.Publisher`` on a ``FakeKafka``; ``owner`` is what its position is kept under."""

    def __init__(self, kafka: FakeKafka, owner: str, spread: Spread | None = None) -> None:
        self._kafka = kafka
        self._owner = owner
        self._spread = spread
        self._epoch = 0

    async def connect(self) -> Memory:
        """Fence the others and give what the cluster remembers."""
        self._fail([f"{self._kafka.topic_prefix}{POSITIONS_TOPIC}"])
        self._kafka.epochs[self._owner] += 1
        self._epoch = self._kafka.epochs[self._owner]
        return await self._kafka.memory(self._owner)

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Take all messages and the position, or none."""
        topics = {message.topic for message in messages}
        self._fail(topics)
        self._over(topics)
        if self._epoch != self._kafka.epochs[self._owner]:
            raise KafkaFenced("a newer producer exists")
        self._kafka.messages.extend(messages)
        self._kafka.positions[self._owner] = position

    def throttled_s(self) -> float:
        """As long as the cluster's ``throttle_s`` says."""
        return self._kafka.throttle_s

    def quiet_s(self) -> float:
        """A publish here has no parts that could be confirmed one by one."""
        return math.inf

    def trouble(self) -> str:
        """Nothing is tried again in here."""
        return ""

    async def probe(self, topics: Collection[str]) -> None:
        """Whether all topics are there."""
        self._over([topic for topic in topics if topic not in self._kafka.missing])
        self._fail(topics)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _over(self, topics: Collection[str]) -> None:
        if self._spread is not None:
            there = {topic: self._kafka.partitions.get(topic, 1) for topic in topics}
            for change in changes(there, self._spread.over(self._kafka.cluster_id, there, fresh=True)):
                if change.there < change.remembered:
                    raise KafkaUnavailable(str(change))

    def _fail(self, topics: Collection[str]) -> None:
        if self._kafka.fail:
            raise self._kafka.fail.pop(0)
        for topic in topics:
            if topic in self._kafka.missing:
                raise KafkaUnavailable(f"topic {topic} is missing; `receiver topics create` makes it")
