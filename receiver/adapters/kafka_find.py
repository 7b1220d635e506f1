"""Where on Kafka an event lies: its topic, partition and offset, found by its key and its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from receiver.adapters.kafka_client import CALL_TIMEOUT_S, admin_client, close_quietly, translated
from receiver.ports import Message

SCAN_S = 10.0
"""For looking through one partition from the first event's time on."""


async def find(
    options: Mapping[str, Any], messages: Sequence[Message], since_ms: int
) -> dict[tuple[str, int], tuple[int, int]]:
    """Give (topic, record) → (partition, offset) of those messages that are there; raises ``KafkaUnavailable``.

    Only the partition of each key is read, ``read_committed``, from ``since_ms`` (Unix milliseconds) on.
    """
    wanted = {(message.topic, _position(message)): message for message in messages}
    found: dict[tuple[str, int], tuple[int, int]] = {}
    consumer = AIOKafkaConsumer(
        **options, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=100
    )
    try:
        async with translated(CALL_TIMEOUT_S + SCAN_S):
            partitions = await _partitions(options, messages)
            if not partitions:
                return found
            await consumer.start()
            consumer.assign(partitions)
            ends = await _seek(consumer, partitions, since_ms)
            deadline = asyncio.get_running_loop().time() + SCAN_S
            while len(found) < len(wanted) and asyncio.get_running_loop().time() < deadline:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        headers = dict(record.headers)
                        message = wanted.get((record.topic, headers.get("receiver-position", b"")))
                        if message is not None and "receiver-replay" not in headers:
                            found[record.topic, message.record] = (record.partition, record.offset)
                if all([await consumer.position(partition) >= end for partition, end in ends.items()]):
                    break
    finally:
        await close_quietly(consumer)
    return found


def _position(message: Message) -> bytes:
    return dict(message.headers)["receiver-position"]


async def _partitions(options: Mapping[str, Any], messages: Sequence[Message]) -> list[TopicPartition]:
    topics = sorted({message.topic for message in messages})
    async with admin_client(options) as admin:
        described = {topic["topic"]: topic for topic in await admin.describe_topics(topics)}
    there = {
        name: sorted(partition["partition"] for partition in topic["partitions"])
        for name, topic in described.items()
        if topic["error_code"] == 0
    }
    partitioner = DefaultPartitioner()
    return sorted(
        {
            TopicPartition(message.topic, partitioner(message.key, there[message.topic], there[message.topic]))
            for message in messages
            if message.topic in there
        }
    )


async def _seek(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], since_ms: int
) -> dict[TopicPartition, int]:
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    starts = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
    for partition in partitions:
        start = starts.get(partition)
        consumer.seek(partition, start.offset if start is not None else ends[partition])
    return ends
