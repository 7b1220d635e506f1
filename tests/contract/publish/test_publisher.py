"""One suite over the Kafka in memory and a real broker, read back by an independent client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kafka_local import LocalKafka

from receiver.model.errors import KafkaFenced
from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics
from receiver.publish.ports import Message, Publisher
from receiver.publish.routing import record_number
from receiver.sandbox.fakes import FakeKafka
from tests.chaos.oracle import committed


class Cluster:
    """A Kafka of either make: publishers for it, and what a consumer sees on the topic ``events``."""

    def __init__(self, make: Callable[[], Publisher], topic: str, read: Callable[[], list[Any]]) -> None:
        self.make = make
        self.topic = topic
        self.read = read


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.kafka)])
async def cluster(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Cluster]:
    """A cluster with the topics made."""
    if request.param == "fake":
        fake = FakeKafka()
        yield Cluster(fake.publisher, "events", lambda: [(m.key.decode(), m.record) for m in fake.messages])
        return
    broker: LocalKafka = request.getfixturevalue("kafka")
    options = client_options([broker.bootstrap], {})
    topic = f"{prefix}events"
    positions = TopicSpec(f"{prefix}receiver.positions", 1, 1, POSITIONS_CONFIGS)
    await create_topics(options, [TopicSpec(topic, 1, 1), positions])

    def make() -> Publisher:
        return KafkaPublisher(
            options,
            journal_id=f"{prefix}journal",
            positions_topic=positions.name,
            topics=[topic],
            number_of=lambda headers: record_number(headers, f"{prefix}journal"),
            transactional=True,
            transaction_timeout_s=5,
        )

    yield Cluster(make, topic, lambda: [(seen.key, seen.value) for seen in committed(broker.bootstrap, topic)])


def messages(topic: str, *records: int) -> list[Message]:
    """One message a record."""
    return [Message(topic, b"key", str(record).encode(), (("ce_id", b"x"),), record) for record in records]


async def test_a_cluster_remembers_the_last_committed_position(cluster: Cluster) -> None:
    """A new journal has none; after a restart the last one is read back."""
    first = cluster.make()
    memory = await first.connect()
    assert memory.position is None
    await first.publish(messages(cluster.topic, 1, 2), Position(2, "id-2"))
    await first.publish(messages(cluster.topic, 3), Position(3, "id-3"))
    await first.close()
    second = cluster.make()
    assert (await second.connect()).position == Position(3, "id-3")
    await second.probe([cluster.topic])
    await second.close()
    assert cluster.read() == [("key", 1), ("key", 2), ("key", 3)]


async def test_a_newer_publisher_fences_an_older_one(cluster: Cluster) -> None:
    """What the older one sends after that is seen by nobody."""
    older, newer = cluster.make(), cluster.make()
    await older.connect()
    await older.publish(messages(cluster.topic, 1), Position(1, "id-1"))
    assert (await newer.connect()).position == Position(1, "id-1")
    with pytest.raises(KafkaFenced):
        await older.publish(messages(cluster.topic, 2), Position(2, "older"))
    await newer.publish(messages(cluster.topic, 2), Position(2, "id-2"))
    for publisher in (older, newer):
        with contextlib.suppress(Exception):
            await publisher.close()
    assert cluster.read() == [("key", 1), ("key", 2)]
