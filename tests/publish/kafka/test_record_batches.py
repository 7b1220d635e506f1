"""Batches of records: what the client itself would have sent to the same partitions, in the same order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from receiver.publish.kafka.record_batches import record_batches
from receiver.publish.ports import Message

PARTITIONS = {"a": [0, 1, 2, 3, 4, 5], "b": [0, 2, 7]}
BATCH_BYTES = 2000


@pytest.fixture
async def make_builder() -> AsyncIterator[Callable[[], Any]]:
    """The client's own way to begin a batch; it speaks to no broker."""
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", enable_idempotence=True, max_batch_size=BATCH_BYTES)
    yield producer.create_batch
    await producer.stop()


def messages(records: Sequence[int], topic: str = "a", size: int = 10) -> list[Message]:
    """One message a record, over seven keys."""
    return [Message(topic, b"key-%d" % (n % 7), b"%d" % n + b"x" * size, (("h", b"\xff"),), n) for n in records]


def test_each_message_goes_to_the_partition_that_the_client_would_choose(make_builder: Callable[[], Any]) -> None:
    """Whoever else writes the same key writes to the same partition; also where partitions are numbered with gaps."""
    sent = [*messages(range(1, 50)), *messages(range(50, 100), "b")]
    chosen = DefaultPartitioner()
    placed = {
        message.record: (batch.topic, batch.partition)
        for batch in record_batches(sent, PARTITIONS, make_builder)
        for message in batch.messages
    }
    assert placed == {
        one.record: (one.topic, chosen(one.key, PARTITIONS[one.topic], PARTITIONS[one.topic])) for one in sent
    }


def test_a_batch_holds_the_bytes_that_the_client_would_send(make_builder: Callable[[], Any]) -> None:
    """Key, value and headers of each record, in order."""
    (batch,) = record_batches(messages(range(7, 70, 7)), {"a": [3]}, make_builder)
    by_client = make_builder()
    for n in range(7, 70, 7):
        by_client.append(timestamp=None, key=b"key-0", value=b"%d" % n + b"x" * 10, headers=[("h", b"\xff")])
    assert batch.builder.record_count() == 9
    assert _without_time(batch.builder) == _without_time(by_client)


def _without_time(builder: Any) -> list[tuple[Any, ...]]:
    from aiokafka.record import MemoryRecords  # noqa: PLC0415  the one use of it

    builder.close()
    (read,) = [MemoryRecords(bytes(builder._build())).next_batch()]
    return [(record.offset, record.key, record.value, tuple(record.headers)) for record in read]


def test_order_holds_within_a_partition_and_first_batches_come_first(make_builder: Callable[[], Any]) -> None:
    """A full batch is followed by another one of its partition, which waits until all partitions had their first."""
    sent = messages(range(1, 200), size=100)
    batches = record_batches(sent, PARTITIONS, make_builder)
    assert [batch.turn for batch in batches] == sorted(batch.turn for batch in batches)
    assert max(batch.turn for batch in batches) > 2
    for partition in {batch.partition for batch in batches}:
        mine = [batch for batch in batches if batch.partition == partition]
        assert [batch.turn for batch in mine] == list(range(len(mine)))
        numbers = [message.record for batch in mine for message in batch.messages]
        assert numbers == sorted(numbers)
    assert sorted(message.record for batch in batches for message in batch.messages) == list(range(1, 200))


def test_a_record_larger_than_a_batch_is_sent_alone(make_builder: Callable[[], Any]) -> None:
    """The client takes any first record; whether it is too large is for the broker to say."""
    sent = [*messages([7]), *messages([14], size=3 * BATCH_BYTES), *messages([21])]
    batches = record_batches(sent, {"a": [0]}, make_builder)
    assert [[message.record for message in batch.messages] for batch in batches] == [[7], [14], [21]]


def test_a_batch_is_no_larger_than_its_topic_takes(make_builder: Callable[[], Any]) -> None:
    """As the broker counts, with key, headers and overhead; a record that is larger alone is a batch of its own."""
    sent = [*messages(range(7, 700, 7), size=90), *messages([700], size=600), *messages([707])]
    batches = record_batches(sent, {"a": [0]}, make_builder, {"a": 500, "b": 1})
    for batch in batches:
        assert batch.builder.size() <= 500 or [message.record for message in batch.messages] == [700]
    assert [message.record for batch in batches for message in batch.messages] == [one.record for one in sent]
    assert len(batches) < 40


def test_no_messages_are_no_batches(make_builder: Callable[[], Any]) -> None:
    """A position can go out without records."""
    assert record_batches([], {}, make_builder) == []
