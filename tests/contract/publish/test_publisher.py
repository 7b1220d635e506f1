"""One suite over the publishers of the Kafka in memory and of a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Sequence

import pytest

from receiver.model.errors import KafkaFenced
from receiver.model.records import Position
from receiver.publish.ports import Message
from tests.contract.publish.conftest import Cluster


def messages(topic: str, *records: int) -> list[Message]:
    """One message a record."""
    return [Message(topic, b"key", str(record).encode(), (("ce_id", b"x"),), record) for record in records]


async def test_a_cluster_remembers_the_last_committed_position(cluster: Cluster) -> None:
    """A new journal has none; after a restart the last one is read back."""
    first = cluster.kafka.publisher(cluster.journal_id)
    memory = await first.connect()
    assert memory.position is None
    await first.publish(messages(cluster.topic, 1, 2), Position(2, "id-2"))
    await first.publish(messages(cluster.topic, 3), Position(3, "id-3"))
    await first.close()
    second = cluster.kafka.publisher(cluster.journal_id)
    assert (await second.connect()).position == Position(3, "id-3")
    await second.probe([cluster.topic])
    await second.close()
    assert cluster.read() == [("key", 1), ("key", 2), ("key", 3)]


async def test_a_newer_publisher_fences_an_older_one(cluster: Cluster) -> None:
    """What the older one sends after that is seen by nobody."""
    older, newer = (cluster.kafka.publisher(cluster.journal_id) for _ in range(2))
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


@pytest.mark.parametrize("records", [(), (2,)], ids=["a position alone", "a record"])
async def test_one_that_was_fenced_leaves_nothing_that_complains(
    cluster: Cluster, records: Sequence[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Who is told why has no need of a traceback of the client's, at whatever time that is collected."""
    older, newer = (cluster.kafka.publisher(cluster.journal_id) for _ in range(2))
    await older.connect()
    await newer.connect()
    with pytest.raises(KafkaFenced):
        await older.publish(messages(cluster.topic, *records), Position(2, "older"))
    await asyncio.sleep(0.3)
    for publisher in (older, newer):
        await publisher.close()
    del older, newer, publisher
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []
