"""Partitions that somebody adds to a topic, or takes away with it, on a real broker: each key stays where it was."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import pytest
from aiokafka.admin import NewPartitions
from kafka_local import LocalKafka

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.errors import KafkaUnavailable
from receiver.model.records import Position
from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.find import find
from receiver.publish.kafka.partitioner import partition_of
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.topics import TopicSpec, create_topics
from receiver.publish.ports import Message
from receiver.publish.routing import record_number
from receiver.publish.spread import Change, RememberedSpread
from tests.chaos.oracle import committed
from tests.publish.kafka.stand import make_topics
from tests.support import Lines

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

KEYS = 40


def batch(topic: str, turn: int) -> list[Message]:
    """One message for each key."""
    numbers = range(turn * KEYS + 1, turn * KEYS + KEYS + 1)
    return [
        Message(topic, b"key-%d" % (n % KEYS), b"%d" % n, (("receiver-position", b"j:%d" % n),), n) for n in numbers
    ]


class Stand:
    """A journal's outbox, and publishers for it."""

    def __init__(self, broker: LocalKafka, prefix: str) -> None:
        self.outbox, self.log = MemoryOutbox(), Lines()
        self.spread = RememberedSpread(self.outbox, self.log)
        self.options = client_options([broker.bootstrap], {"metadata_max_age_ms": 100})
        self.bootstrap, self.prefix = broker.bootstrap, prefix
        self.journal_id = f"{prefix}journal"

    def publisher(self) -> KafkaPublisher:
        """A new one."""
        return KafkaPublisher(
            self.options,
            journal_id=self.journal_id,
            positions_topic=f"{self.prefix}receiver.positions",
            topics=[f"{self.prefix}events"],
            number_of=lambda headers: record_number(headers, "j"),
            transactional=True,
            transaction_timeout_s=30,
            spread=self.spread,
        )

    async def add_partitions(self, topic: str, count: int) -> None:
        """As an administrator does, and wait until clients can know of it."""
        async with admin_client(self.options) as admin:
            await admin.create_partitions({topic: NewPartitions(count)})
        await asyncio.sleep(1)

    def partitions(self, topic: str, messages: Sequence[Message]) -> dict[str, set[int]]:
        """Key → the partitions in which its records of a batch lie."""
        found: dict[str, set[int]] = defaultdict(set)
        wanted = {message.record for message in messages}
        for seen in committed(self.bootstrap, topic):
            if int(str(seen.value)) in wanted:
                found[seen.key].add(seen.partition)
        return found


async def publish(publisher: KafkaPublisher, messages: Sequence[Message]) -> None:
    """And the position that they reach."""
    await publisher.publish(messages, Position(messages[-1].record, f"id-{messages[-1].record}"))


async def test_keys_stay_where_they_were_until_a_person_accepts(kafka: LocalKafka, prefix: str) -> None:
    """In a session under way, in a new one, and after that; and each event is found where it lies."""
    topic, stand = await make_topics(kafka, prefix), Stand(kafka, prefix)
    one = stand.publisher()
    cluster_id = (await one.connect()).cluster_id
    await publish(one, batch(topic, 0))
    await stand.add_partitions(topic, 6)
    await publish(one, batch(topic, 1))
    assert stand.spread.changed == [Change(topic, 6, 3)]
    assert stand.log.named("relay.partitions_changed") == [{"topic": topic, "partitions": 6, "keys_go_over": 3}]
    await one.close()
    two = stand.publisher()
    await two.connect()
    await two.probe([topic])
    await publish(two, batch(topic, 2))
    before = stand.partitions(topic, [message for turn in range(3) for message in batch(topic, turn)])
    assert len(before) == KEYS
    assert all(len(partitions) == 1 for partitions in before.values())
    stand.outbox.note_topic_partitions(cluster_id, {topic: 6})
    await publish(two, batch(topic, 3))
    assert stand.spread.changed == []
    after = stand.partitions(topic, batch(topic, 3))
    assert {partition for partitions in after.values() for partition in partitions} > {0, 1, 2}
    await two.close()
    sent = [message for turn in range(4) for message in batch(topic, turn)]
    assert len(await find(stand.options, sent, int(time.time() * 1000) - 60_000)) == len(sent)


async def test_a_session_that_has_not_heard_of_accepted_partitions_asks(kafka: LocalKafka, prefix: str) -> None:
    """A producer's own knowledge is seconds old; it is not taken for a topic made anew with fewer."""
    topic, stand = await make_topics(kafka, prefix), Stand(kafka, prefix)
    stand.options = client_options([kafka.bootstrap], {"metadata_max_age_ms": 600_000})
    one = stand.publisher()
    cluster_id = (await one.connect()).cluster_id
    await publish(one, batch(topic, 0))
    await stand.add_partitions(topic, 6)
    await one.probe([topic])
    await publish(one, batch(topic, 1))
    assert stand.spread.changed == [Change(topic, 6, 3)]
    stand.outbox.note_topic_partitions(cluster_id, {topic: 6})
    await publish(one, batch(topic, 2))
    await one.close()
    after = stand.partitions(topic, batch(topic, 2))
    assert {partition for partitions in after.values() for partition in partitions} > {0, 1, 2}
    assert len(stand.log.named("relay.partitions_changed")) == 1


async def test_a_topic_made_anew_with_fewer_waits_for_a_person_and_then_goes_on(kafka: LocalKafka, prefix: str) -> None:
    """It says what to do, while it publishes and while it is idle."""
    topic, stand = await make_topics(kafka, prefix), Stand(kafka, prefix)
    one = stand.publisher()
    cluster_id = (await one.connect()).cluster_id
    await publish(one, batch(topic, 0))
    await one.close()
    async with admin_client(stand.options) as admin:
        await admin.delete_topics([topic])
    await asyncio.sleep(1)
    await create_topics(stand.options, [TopicSpec(topic, 2, 1)])
    two = stand.publisher()
    await two.connect()
    says = f"topic {topic} has 2 partitions, and its keys go over 3: .* `receiver topics accept {topic}`"
    with pytest.raises(KafkaUnavailable, match=says):
        await publish(two, batch(topic, 1))
    with pytest.raises(KafkaUnavailable, match=says):
        await two.probe([topic])
    await two.close()
    stand.outbox.note_topic_partitions(cluster_id, {topic: 2})
    three = stand.publisher()
    await three.connect()
    await publish(three, batch(topic, 1))
    await three.close()
    assert len(committed(stand.bootstrap, topic)) == KEYS


async def test_the_position_goes_to_partition_0(kafka: LocalKafka, prefix: str) -> None:
    """Whatever its key is, and also where somebody adds partitions to that topic in the middle of a session."""
    topic, stand = await make_topics(kafka, prefix), Stand(kafka, prefix)
    ids = (f"{prefix}journal-{number}" for number in range(100))
    stand.journal_id = next(one for one in ids if partition_of(one.encode(), 6) != 0)
    one = stand.publisher()
    await one.connect()
    await stand.add_partitions(f"{prefix}receiver.positions", 6)
    for turn in range(3):
        await publish(one, [replace(message, topic=topic) for message in batch(topic, turn)])
    with pytest.raises(KafkaUnavailable, match="has 6 partitions, and must have exactly one"):
        await one.probe([topic])
    await one.close()
    assert {seen.partition for seen in committed(stand.bootstrap, f"{prefix}receiver.positions")} == {0}
