"""``ports.Kafka`` on aiokafka: the cluster that is configured, its topics and its routes, put together once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from receiver.model.records import OutboxRecord
from receiver.publish import routing
from receiver.publish.kafka import find, tail, topics
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, topic_leaders, translated
from receiver.publish.kafka.positions import read_memory
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.survey import survey
from receiver.publish.ports import Expected, Finding, Memory, Message, Places, Spread, Tailed
from receiver.publish.routing import FAMILIES, POSITIONS_TOPIC, Rule, reachable_topics, record_number, state_topic

REPLAY_TIMEOUT_S = 15.0
"""Of a transaction of ``receiver replay``: nobody waits for its end but whoever reads the topic that it writes to."""


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """``ports.Kafka``. ``options`` are those of every client (``client.client_options``)."""

    options: Mapping[str, Any] = field(repr=False)  # it holds passwords
    topic_prefix: str = ""
    """Before the names of our own topics; a rule's topic is taken as written."""
    rules: Sequence[Rule] = ()
    state_topics: bool = False
    """Whether effective events go to the compacted topics too."""
    delivery: str = "exactly_once"
    """That, or ``at_least_once``: without transactions."""
    transaction_timeout_s: float = 15
    partitions: int = 6
    """Of each topic that is made, except the positions topic."""
    replication: int = 1

    @property
    def status_topics(self) -> list[str]:
        """Every topic that a status event can reach, without the compacted ones."""
        quarantine = f"{self.topic_prefix}{routing.QUARANTINE_TOPIC}"
        return [topic for topic in reachable_topics(self.rules, self.topic_prefix) if topic != quarantine]

    @property
    def event_topics(self) -> list[str]:
        """Every topic that a record of the outbox can reach."""
        return reachable_topics(self.rules, self.topic_prefix, state_topics=self.state_topics)

    @property
    def all_topics(self) -> list[str]:
        """Every topic of ours, the positions topic at the end."""
        return [*self.event_topics, self._positions_topic]

    @property
    def _positions_topic(self) -> str:
        return f"{self.topic_prefix}{POSITIONS_TOPIC}"

    def publisher(self, journal_id: str, spread: Spread | None = None) -> KafkaPublisher:
        """Give a new publisher for a journal; once connected it fences the journal's older ones."""
        return KafkaPublisher(
            self.options,
            journal_id=journal_id,
            positions_topic=self._positions_topic,
            topics=self.event_topics,
            number_of=lambda headers: record_number(headers, journal_id),
            transactional=self.delivery == "exactly_once",
            transaction_timeout_s=self.transaction_timeout_s,
            spread=spread,
            purposes={name: self._spec(name).purpose for name in self.event_topics},
        )

    def replay_publisher(
        self, run_id: str, journal_id: str, topic: str, spread: Spread | None = None
    ) -> KafkaPublisher:
        """Give a new publisher for one run of ``receiver replay``, with a position of the run's own."""
        return KafkaPublisher(
            self.options,
            journal_id=f"replay-{run_id}",
            positions_topic=self._positions_topic,
            topics=[topic],
            number_of=lambda headers: record_number(headers, journal_id, run_id),
            transactional=self.delivery == "exactly_once",
            transaction_timeout_s=REPLAY_TIMEOUT_S,
            spread=spread,
        )

    async def memory(self, journal_id: str) -> Memory:
        """Look what the cluster remembers of a journal, and fence nobody."""
        return await read_memory(self.options, self._positions_topic, journal_id)

    def route(self, record: OutboxRecord, journal_id: str) -> tuple[Message, ...]:
        """Give the messages of one record, one for each topic that it goes to."""
        return routing.route(record, self.rules, self.topic_prefix, journal_id, state_topics=self.state_topics)

    def tail(self, topics: Sequence[str], *, follow: bool) -> AsyncIterator[Tailed]:
        """Give what is committed to ``topics``; see ``tail.tail``."""
        return tail.tail(self.options, topics, follow=follow)

    async def find(self, messages: Sequence[Message], since_ms: int) -> Places:
        """Find where messages lie; see ``find.find``."""
        return await find.find(self.options, messages, since_ms)

    async def create_topics(self) -> list[tuple[str, str]]:
        """Make what is missing of ``all_topics``; see ``topics.create_topics``."""
        return await topics.create_topics(self.options, [self._spec(name) for name in self.all_topics])

    async def topic_partitions(self) -> tuple[str, Mapping[str, int]]:
        """The cluster's id, and the number of partitions of each event topic that is there."""
        async with admin_client(self.options) as admin:
            async with translated(CALL_TIMEOUT_S):
                cluster = await admin.describe_cluster()
            leaders, _ = await topic_leaders(admin, self.event_topics)
        return str(cluster["cluster_id"]), topics.counts(leaders)

    async def survey(self, expected: Expected) -> list[Finding]:
        """Look at the cluster; see ``survey.survey``."""
        return await survey(
            self.options,
            [self._spec(name) for name in self.all_topics],
            expected,
            transactional=self.delivery == "exactly_once",
            transaction_timeout_s=self.transaction_timeout_s,
        )

    async def missing_topics(self) -> list[str]:
        """Those of ``all_topics`` that the cluster does not have."""
        return await topics.missing_topics(self.options, self.all_topics)

    def _spec(self, name: str) -> topics.TopicSpec:
        if name == self._positions_topic:
            return topics.TopicSpec(name, 1, self.replication, topics.POSITIONS_CONFIGS, "positions")
        if name in {state_topic(family, self.topic_prefix) for family in FAMILIES}:
            return topics.TopicSpec(name, self.partitions, self.replication, topics.STATE_CONFIGS, "latest")
        return topics.TopicSpec(name, self.partitions, self.replication, topics.HISTORY_CONFIGS)
