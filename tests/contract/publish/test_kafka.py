"""One suite over the handle on the Kafka in memory and on a real broker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from receiver.model.errors import KafkaUnavailable
from receiver.model.records import OutboxRecord, Position
from receiver.publish.ports import Kafka, Message, Publisher
from receiver.publish.routing import route
from tests.contract.publish.conftest import Cluster


def record(number: int) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", f"op-{number}", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None,
        value=b"%d" % number,
    )  # fmt: skip


def routed(kafka: Kafka, journal_id: str, *numbers: int) -> list[Message]:
    """The messages of some records."""
    return [message for number in numbers for message in kafka.route(record(number), journal_id)]


@asynccontextmanager
async def connected(publisher: Publisher) -> AsyncIterator[Position | None]:
    """Connect, give the position that it goes on after, and let go."""
    try:
        yield (await publisher.connect()).position
    finally:
        with contextlib.suppress(Exception):
            await publisher.close()


async def publish(kafka: Kafka, journal_id: str, *numbers: int) -> None:
    """Publish some records of a journal."""
    publisher = kafka.publisher(journal_id)
    async with connected(publisher):
        await publisher.publish(routed(kafka, journal_id, *numbers), Position(numbers[-1], f"id-{numbers[-1]}"))


async def test_topics_are_missing_until_they_are_made_and_made_once(untouched: Cluster) -> None:
    """All that a record can reach, and the positions topic; safe to repeat."""
    kafka = untouched.kafka
    assert await kafka.missing_topics() == list(kafka.all_topics)
    assert await kafka.create_topics() == [(topic, "created") for topic in kafka.all_topics]
    assert await kafka.create_topics() == [(topic, "exists") for topic in kafka.all_topics]
    assert await kafka.missing_topics() == []


async def test_a_missing_topic_is_named_with_what_makes_it(untouched: Cluster) -> None:
    """Nobody who has not read the documentation is left alone with an error code."""
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(KafkaUnavailable, match=r"receiver.positions is missing; `receiver topics create` makes it"):
            await stack.enter_async_context(connected(untouched.kafka.publisher(untouched.journal_id)))


async def test_a_look_at_the_memory_fences_nobody(cluster: Cluster) -> None:
    """Each journal has its own; whoever publishes goes on."""
    kafka = cluster.kafka
    assert (await kafka.memory(cluster.journal_id)).position is None
    publisher = kafka.publisher(cluster.journal_id)
    async with connected(publisher):
        await publisher.publish(routed(kafka, cluster.journal_id, 1), Position(1, "id-1"))
        memory = await kafka.memory(cluster.journal_id)
        assert memory.position == Position(1, "id-1")
        assert memory.cluster_id
        assert (await kafka.memory("another")).position is None
        await publisher.publish(routed(kafka, cluster.journal_id, 2), Position(2, "id-2"))
    assert [value for _, value in cluster.read()] == [1, 2]


def run_of(cluster: Cluster) -> str:
    """A run of this test alone: two of the same id fence each other, also in tests that share the broker."""
    return f"run-{cluster.journal_id}"


async def test_a_replay_has_a_position_of_its_own_and_fences_no_relay(cluster: Cluster) -> None:
    """It goes on where the same run stood, and the journal's position is not touched."""
    kafka = cluster.kafka
    relay = kafka.publisher(cluster.journal_id)
    async with connected(relay):
        await relay.publish(routed(kafka, cluster.journal_id, 1), Position(1, "id-1"))
        replay = kafka.replay_publisher(run_of(cluster), cluster.journal_id, cluster.topic)
        async with connected(replay) as position:
            assert position is None
            await replay.publish(routed(kafka, cluster.journal_id, 1), Position(77, "id-77"))
        await relay.publish(routed(kafka, cluster.journal_id, 2), Position(2, "id-2"))
    async with connected(kafka.replay_publisher(run_of(cluster), cluster.journal_id, cluster.topic)) as position:
        assert position == Position(77, "id-77")
    async with connected(kafka.replay_publisher(f"{run_of(cluster)}-2", cluster.journal_id, cluster.topic)) as position:
        assert position is None
    assert (await kafka.memory(cluster.journal_id)).position == Position(2, "id-2")


async def test_tail_shows_what_is_committed_and_ends(cluster: Cluster) -> None:
    """Key, headers and value as they were sent, in order; a topic that is not there is left out."""
    kafka = cluster.kafka
    await publish(kafka, cluster.journal_id, 1, 2, 3)
    seen = [one async for one in kafka.tail([cluster.topic, "nowhere"], follow=False)]
    sent = routed(kafka, cluster.journal_id, 1, 2, 3)
    assert [one.value for one in seen] == [b"1", b"2", b"3"]
    assert [(one.key.encode(), one.headers) for one in seen] == [(message.key, message.headers) for message in sent]
    assert [one.offset for one in seen] == sorted(one.offset for one in seen)
    assert {(one.topic, one.partition) for one in seen} == {(cluster.topic, 0)}


async def test_find_tells_where_records_lie_and_takes_no_replayed_one_for_them(cluster: Cluster) -> None:
    """What was never sent, or only replayed, is not found."""
    kafka = cluster.kafka
    since_ms = int(time.time() * 1000) - 60_000
    await publish(kafka, cluster.journal_id, 1, 2)
    replay = kafka.replay_publisher(run_of(cluster), cluster.journal_id, cluster.topic)
    async with connected(replay):
        await replay.publish(_replayed(cluster, routed(kafka, cluster.journal_id, 2, 3)), Position(2, "id-3"))
    places = await kafka.find(routed(kafka, cluster.journal_id, 1, 2, 3), since_ms)
    seen = {
        (one.topic, int(one.value)): (one.partition, one.offset)
        async for one in kafka.tail([cluster.topic], follow=False)
        if "receiver-replay" not in dict(one.headers)
    }
    assert places == seen
    assert set(places) == {(cluster.topic, 1), (cluster.topic, 2)}
    assert await kafka.find(routed(kafka, "another", 1), since_ms) == {}


def _replayed(cluster: Cluster, messages: Sequence[Message]) -> list[Message]:
    header = ("receiver-replay", run_of(cluster).encode())
    return [replace(message, headers=(*message.headers, header)) for message in messages]


async def test_the_topics_are_those_of_the_routes(untouched: Cluster, prefix: str) -> None:
    """Status topics, then what else a record can reach, then the positions topic."""
    kafka = untouched.kafka
    assert kafka.route(record(1), untouched.journal_id) == route(record(1), (), prefix, untouched.journal_id)
    families = [f"{prefix}{family}.status.v1" for family in ("exchange", "payout", "deposit", "invoice")]
    assert list(kafka.status_topics) == families
    assert list(kafka.event_topics) == [*families, f"{prefix}webhook.quarantine.v1"]
    assert list(kafka.all_topics) == [*families, f"{prefix}webhook.quarantine.v1", f"{prefix}receiver.positions"]
