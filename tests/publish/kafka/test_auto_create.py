"""A broker that makes every topic it is asked for, as Kafka does of itself: nothing that we ask makes one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest
from aiokafka.admin import NewTopic
from aiokafka.protocol.metadata import MetadataRequest
from kafka_local import LocalKafka, running

from receiver.model.errors import KafkaUnavailable, ReceiverError
from receiver.model.records import Position
from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.ports import Expected
from tests.contract.publish.test_kafka import routed

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """As it comes: topics are made when somebody asks, with three partitions and ``delete``."""
    properties = "auto.create.topics.enable=true\nnum.partitions=3\n"
    with running(tmp_path_factory.mktemp("kafka"), properties=properties) as broker:
        yield broker


async def topics(broker: LocalKafka, prefix: str) -> list[str]:
    """Those of a test that are there."""
    async with admin_client(client_options([broker.bootstrap], {})) as admin:
        return [topic for topic in await admin.list_topics() if topic.startswith(prefix)]


async def make_by_asking(broker: LocalKafka, topic: str) -> None:
    """Ask for a topic as a client asks of itself, until it is there."""
    async with asyncio.timeout(60), admin_client(client_options([broker.bootstrap], {})) as admin:
        while not await topics(broker, topic):
            await admin._send_request(MetadataRequest([topic], allow_auto_topic_creation=True))
            await asyncio.sleep(0.1)


async def connected_when_there(cluster: KafkaCluster) -> KafkaPublisher:
    """A publisher, once the broker knows of the positions topic: it was made by another part of the broker."""
    async with asyncio.timeout(60):
        while True:
            publisher = cluster.publisher("journal")
            try:
                await publisher.connect()
            except KafkaUnavailable:
                await publisher.close()
                await asyncio.sleep(0.1)
            else:
                return publisher


async def test_nothing_that_asks_makes_a_topic(eager: LocalKafka, prefix: str) -> None:
    """Each use of the cluster that there is, on one without a topic."""
    options = client_options([eager.bootstrap], {})
    cluster = KafkaCluster(options, topic_prefix=prefix, state_topics=True, transaction_timeout_s=30)
    messages = routed(cluster, "journal", 1)
    assert await cluster.missing_topics() == cluster.all_topics
    await cluster.survey(Expected("journal", lambda _: {}, 1_000_000, lambda: time.time_ns() // 1000))
    assert (await cluster.topic_partitions())[1] == {}
    assert [seen async for seen in cluster.tail(cluster.status_topics, follow=False)] == []
    assert await cluster.find(messages, 0) == {}
    with pytest.raises(KafkaUnavailable):
        await cluster.memory("journal")
    for publisher in (cluster.publisher("journal"), cluster.replay_publisher("run", "journal", f"{prefix}copy")):
        with pytest.raises(KafkaUnavailable, match=rf"{prefix}receiver\.positions is missing"):
            await publisher.connect()
        await publisher.close()
    assert await topics(eager, prefix) == []
    async with admin_client(options) as admin:
        positions = cluster._spec(f"{prefix}receiver.positions")
        await admin.create_topics([NewTopic(positions.name, 1, 1, topic_configs=dict(positions.configs))])
    publisher = await connected_when_there(cluster)
    with pytest.raises(KafkaUnavailable, match="is missing"):
        await publisher.probe(cluster.event_topics)
    with pytest.raises(KafkaUnavailable, match=rf"{prefix}exchange\.stat(us|e)\.v1 is missing"):
        await publisher.publish(messages, Position(1, "id-1"))
    assert publisher._producer is not None
    with contextlib.suppress(Exception):
        await publisher._producer.client.add_topic(f"{prefix}exchange.status.v1")
    await publisher.close()
    assert await topics(eager, prefix) == [f"{prefix}receiver.positions"]


async def test_the_broker_would_have_made_one(eager: LocalKafka, prefix: str) -> None:
    """Asked as the client asks of itself; else the test above shows nothing."""
    await make_by_asking(eager, f"{prefix}made")
    assert await topics(eager, prefix) == [f"{prefix}made"]


async def test_positions_that_others_made_are_refused_by_name(eager: LocalKafka, prefix: str) -> None:
    """On connect, in a look, by `topics create`, and before a position is written; with what mends it."""
    cluster = KafkaCluster(client_options([eager.bootstrap], {}), topic_prefix=prefix, transaction_timeout_s=30)
    await make_by_asking(eager, f"{prefix}receiver.positions")
    publisher = cluster.publisher("journal")
    with pytest.raises(KafkaUnavailable, match=r"receiver\.positions has 3 partitions, and must have exactly one"):
        await publisher.connect()
    await publisher.close()
    with pytest.raises(KafkaUnavailable, match="must have exactly one"):
        await cluster.memory("journal")
    found = await cluster.survey(Expected("journal", lambda _: {}, 1_000_000, lambda: time.time_ns() // 1000))
    said = [finding.text for finding in found if "receiver.positions has" in finding.text]
    assert len(said) == 2
    with pytest.raises(
        ReceiverError, match=r"exactly one; delete it(.|\n)*cleanup.policy=delete, and must have compact"
    ):
        await cluster.create_topics()
