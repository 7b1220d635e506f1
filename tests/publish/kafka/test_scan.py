"""Reading partitions from here to there on a real broker, open transactions included."""

from __future__ import annotations

import time

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka_local import LocalKafka

from receiver.model.errors import KafkaUnavailable
from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.scan import Span, reader, scan, spans_since
from tests.publish.kafka.stand import make_topics, messages, publisher

pytestmark = pytest.mark.kafka


async def test_a_span_is_read_from_its_start_to_before_its_end(kafka: LocalKafka, prefix: str) -> None:
    """None is the beginning; what has nothing in it is not waited for."""
    topic = await make_topics(kafka, prefix)
    there = TopicPartition(topic, 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for number in range(5):
            await producer.send_and_wait(topic, b"%d" % number, partition=1)
    async with reader(client_options([kafka.bootstrap], {}), committed=True) as consumer:
        for span, wanted in [
            (Span(None, 5), [b"0", b"1", b"2", b"3", b"4"]),
            (Span(2, 4), [b"2", b"3"]),
            (Span(3, 3), []),
            (Span(None, 0), []),
        ]:
            assert [record.value async for record in scan(consumer, {there: span}, 10)] == wanted


async def test_an_open_transaction_holds_back_who_reads_what_is_committed(kafka: LocalKafka, prefix: str) -> None:
    """Its records are not there for that reader, and the end is not reached; the other one sees them at once."""
    topic = await make_topics(kafka, prefix)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{prefix}open")
    await producer.start()
    try:
        await producer.begin_transaction()
        await (await producer.send(topic, b"open", partition=0))
        spans = {TopicPartition(topic, 0): Span(None, 1)}
        async with reader(client_options([kafka.bootstrap], {}), committed=False) as consumer:
            assert [record.value async for record in scan(consumer, spans, 10)] == [b"open"]
        async with reader(client_options([kafka.bootstrap], {}), committed=True) as consumer:
            with pytest.raises(KafkaUnavailable, match=f"{topic} was not read to its end .* is a transaction open"):
                assert [record async for record in scan(consumer, spans, 0.5)] == []
    finally:
        await producer.abort_transaction()
        await producer.stop()


async def test_a_span_since_a_time_leaves_out_what_was_written_before_it(kafka: LocalKafka, prefix: str) -> None:
    """A partition where nothing was written since has an empty one."""
    topic = await make_topics(kafka, prefix)
    partitions = [TopicPartition(topic, number) for number in range(3)]
    one = publisher(kafka, prefix)
    await one.connect()
    await one.publish(messages(topic, [1] * 3), Position(3, "id-3"))
    await one.close()
    now_ms = int(time.time() * 1000)
    async with reader(client_options([kafka.bootstrap], {}), committed=True) as consumer:
        all_of_it = await spans_since(consumer, partitions, now_ms - 60_000)
        later = await spans_since(consumer, partitions, now_ms + 60_000)
        assert await spans_since(consumer, [], 0) == {}
    assert sorted(span.end - (span.start or 0) for span in all_of_it.values()) == [
        0,
        0,
        4,
    ]  # three and the commit's mark
    assert all(span.start == span.end for span in later.values())
