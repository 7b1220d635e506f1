"""A Kafka of either make: the one in memory, and a real broker that is read back by an independent client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kafka_local import LocalKafka

from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.ports import Kafka
from receiver.sandbox.fakes import FakeKafka
from tests.chaos.oracle import committed


@dataclass(frozen=True)
class Cluster:
    """The handle, a journal of the test's own, a topic, and what a consumer sees there: key and value of each record.

    A journal's publishers fence each other on the whole cluster, whatever their topics: tests may run side by side.
    """

    kafka: Kafka
    journal_id: str
    topic: str
    read: Callable[[], list[tuple[str | None, Any]]]


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.kafka)])
def untouched(request: pytest.FixtureRequest, prefix: str) -> Cluster:
    """A cluster where no topic of ours was made yet."""
    topic = f"{prefix}exchange.status.v1"
    if request.param == "fake":
        fake = FakeKafka(topic_prefix=prefix)
        fake.missing |= set(fake.all_topics)
        return Cluster(
            fake,
            f"{prefix}journal",
            topic,
            lambda: [(m.key.decode(), m.record) for m in fake.messages if m.topic == topic],
        )
    broker: LocalKafka = request.getfixturevalue("kafka")
    options = client_options([broker.bootstrap], {})
    made = KafkaCluster(options, topic_prefix=prefix, transaction_timeout_s=30, partitions=1)
    return Cluster(
        made, f"{prefix}journal", topic, lambda: [(seen.key, seen.value) for seen in committed(broker.bootstrap, topic)]
    )


@pytest.fixture
async def cluster(untouched: Cluster) -> Cluster:
    """A cluster with the topics made."""
    await untouched.kafka.create_topics()
    return untouched
