"""The publisher on a real broker, killed and restarted; what is aborted, missing, too large."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from kafka_local import LocalKafka, running

from receiver.model.errors import KafkaUnavailable, ReceiverError, RecordRefused
from receiver.model.records import Position
from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics
from tests.publish.kafka.stand import make_topics, messages, numbers, publisher

pytestmark = pytest.mark.kafka


async def test_an_aborted_transaction_is_seen_by_nobody(
    kafka: LocalKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything sent, the position not: the whole batch is gone, and the next producer repeats it."""
    topic = await make_topics(kafka, prefix)
    first = publisher(kafka, prefix)
    await first.connect()

    async def crash(*_: object) -> None:
        raise OSError("as if the power had gone")

    monkeypatch.setattr(first, "_add", crash)
    with pytest.raises(KafkaUnavailable):
        await first.publish(messages(topic, range(1, 50)), Position(49, "id-49"))
    await first.close()
    second = publisher(kafka, prefix)
    assert (await second.connect()).position is None
    await second.publish(messages(topic, range(1, 50)), Position(49, "id-49"))
    await second.close()
    assert numbers(kafka, topic) == list(range(1, 50))


async def test_an_open_transaction_of_a_dead_relay_is_ended_by_the_next(kafka: LocalKafka, prefix: str) -> None:
    """No waiting for its timeout: starting the producer ends it."""
    topic = await make_topics(kafka, prefix)
    dead = publisher(kafka, prefix)
    await dead.connect()
    assert dead._producer is not None
    await dead._producer.begin_transaction()
    await dead._send(dead._producer, await dead._batches(dead._producer, messages(topic, [1, 2])), Position(2, "id-2"))
    new = publisher(kafka, prefix)
    assert (await asyncio.wait_for(new.connect(), 25)).position is None
    await new.publish(messages(topic, [1]), Position(1, "id-1"))
    await new.close()
    await dead.close()
    assert numbers(kafka, topic) == [1]


@pytest.mark.parametrize("missing", ["events", "receiver.positions"])
async def test_a_missing_topic_is_named_at_once(kafka: LocalKafka, prefix: str, missing: str) -> None:
    """No send waits for metadata that never comes; the message says what makes it."""
    options = client_options([kafka.bootstrap], {})
    other = {"events": "receiver.positions", "receiver.positions": "events"}[missing]
    configs = POSITIONS_CONFIGS if other == "receiver.positions" else {}
    await create_topics(options, [TopicSpec(f"{prefix}{other}", 1, 1, configs)])
    one = publisher(kafka, prefix)
    with pytest.raises(KafkaUnavailable, match=f"topic {prefix}{missing} is missing; `receiver topics create`"):
        async with asyncio.timeout(20):
            await one.connect()
            await one.publish(messages(f"{prefix}events", [1]), Position(1, "id-1"))
    await one.close()


async def test_a_record_too_large_for_the_broker_is_named_and_the_rest_can_go_on(
    kafka: LocalKafka, prefix: str
) -> None:
    """The broker's own limit, lower than ours: the record is named, nothing of the batch is seen."""
    topic = await make_topics(kafka, prefix, {"max.message.bytes": "20000"})
    one = publisher(kafka, prefix)
    await one.connect()
    batch = [*messages(topic, [1]), *messages(topic, [2], size=50_000), *messages(topic, [3])]
    with pytest.raises(RecordRefused) as refused:
        await one.publish(batch, Position(3, "id-3"))
    assert refused.value.record == 2
    await one.close()
    again = publisher(kafka, prefix)
    assert (await again.connect()).position is None
    await again.publish([batch[0], batch[2]], Position(3, "id-3"))
    await again.close()
    assert numbers(kafka, topic) == [1, 3]


async def test_without_transactions_the_position_follows_the_records(kafka: LocalKafka, prefix: str) -> None:
    """``at_least_once``: the same records, the same position topic."""
    topic = await make_topics(kafka, prefix)
    one = publisher(kafka, prefix, transactional=False)
    assert (await one.connect()).position is None
    await one.publish(messages(topic, [1, 2]), Position(2, "id-2"))
    await one.close()
    two = publisher(kafka, prefix, transactional=False)
    assert (await two.connect()).position == Position(2, "id-2")
    await two.close()
    assert numbers(kafka, topic) == [1, 2]


@pytest.mark.long
async def test_a_broker_killed_and_restarted_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """SIGKILL in the middle of traffic: drop the producer, ask Kafka, go on."""
    with running(tmp_path / "kafka") as broker:
        topic = await make_topics(broker, "k.")
        published, last, crashes = 0, 400, 0
        while published < last:
            one = publisher(broker, "k.")
            try:
                memory = await one.connect()
                published = memory.position.number if memory.position else 0
                while published < last:
                    batch = range(published + 1, min(published + 20, last) + 1)
                    if published >= 100 * (crashes + 1) and crashes < 2:
                        crashes += 1
                        broker.kill()
                        broker.start()
                    async with asyncio.timeout(30):
                        await one.publish(messages(topic, batch), Position(batch[-1], f"id-{batch[-1]}"))
                    published = batch[-1]
            except (ReceiverError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                await one.close()
        assert crashes == 2
        assert numbers(broker, topic) == list(range(1, last + 1))


async def test_an_events_topic_that_is_compacted_is_said_on_connect(kafka: LocalKafka, prefix: str) -> None:
    """And published to all the same: what is not sent is lost to everybody."""
    cluster = KafkaCluster(client_options([kafka.bootstrap], {}), topic_prefix=prefix, transaction_timeout_s=30)
    await cluster.create_topics()
    topic = cluster.status_topics[0]
    async with admin_client(cluster.options) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "compact"})])
    one = cluster.publisher("journal")
    async with asyncio.timeout(60):
        while not (note := (await one.connect()).note):
            await one.close()
            one = cluster.publisher("journal")
    await one.close()
    assert note.startswith(f"topic {topic} has cleanup.policy=compact, and must have delete: compacted, it loses")


async def test_a_clock_that_has_events_deleted_at_once_is_said_on_connect(
    kafka: LocalKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each topic that deletes; what is sent is read by whoever is quick, and so it is sent."""
    cluster = KafkaCluster(client_options([kafka.bootstrap], {}), topic_prefix=prefix, transaction_timeout_s=30)
    await cluster.create_topics()
    one = cluster.publisher("journal")
    now_ns = time.time_ns
    monkeypatch.setattr("receiver.publish.kafka.publisher.time.time_ns", lambda: now_ns() - 10**9 * 86_400 * 3650)
    note = (await one.connect()).note
    await one.close()
    for topic in cluster.status_topics:
        assert f"topic {topic} has retention.ms=" in note
    assert "s behind: Kafka deletes what we publish as soon as it looks, read or not" in note
