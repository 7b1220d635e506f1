"""What Kafka remembers of a journal: the last committed record of its key in the positions topic.

The topic's uncommitted end is asked for first, and the topic is read ``read_committed`` until that end is passed: so a
transaction that was open a moment ago is waited for, and never mistaken for one that was not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from receiver.adapters.kafka_client import CALL_TIMEOUT_S, admin_client, close_quietly, require_topics, translated
from receiver.errors import KafkaUnavailable
from receiver.ports import Memory, Position

READ_BACK_S = 30.0
"""For reading the positions topic: another journal's open transaction can hold its end back until that times out."""


async def read_memory(options: Mapping[str, Any], topic: str, journal_id: str) -> Memory:
    """Look without fencing anybody; raises ``KafkaUnavailable``."""
    async with admin_client(options) as admin:
        await require_topics(admin, [topic])
        async with translated(CALL_TIMEOUT_S):
            cluster = await admin.describe_cluster()
    return Memory(str(cluster["cluster_id"]), await read_position(options, topic, journal_id))


async def read_position(
    options: Mapping[str, Any], topic: str, journal_id: str, *, wait_s: float = READ_BACK_S
) -> Position | None:
    """Give the journal's last committed position, None where there is none.

    Raises ``KafkaUnavailable``, also where a transaction is still open after ``wait_s``.
    """
    partition = TopicPartition(topic, 0)
    async with translated(wait_s + CALL_TIMEOUT_S):
        end = await _uncommitted_end(options, partition)
        if end == 0:
            return None
        consumer = AIOKafkaConsumer(
            **options, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=100
        )
        try:
            await consumer.start()
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return await _last_position(consumer, partition, end, journal_id.encode(), wait_s)
        finally:
            await close_quietly(consumer)


async def _uncommitted_end(options: Mapping[str, Any], partition: TopicPartition) -> int:
    consumer = AIOKafkaConsumer(**options, isolation_level="read_uncommitted", enable_auto_commit=False)
    try:
        await consumer.start()
        return int((await consumer.end_offsets([partition]))[partition])
    finally:
        await close_quietly(consumer)


async def _last_position(
    consumer: AIOKafkaConsumer, partition: TopicPartition, end: int, key: bytes, wait_s: float
) -> Position | None:
    found: Position | None = None
    deadline = asyncio.get_running_loop().time() + wait_s
    while await consumer.position(partition) < end:
        if asyncio.get_running_loop().time() > deadline:
            raise KafkaUnavailable(f"{partition.topic} cannot be read to its end: a transaction is still open")
        for records in (await consumer.getmany(partition, timeout_ms=200)).values():
            for record in records:
                if record.key == key and record.value is not None:
                    said = orjson.loads(record.value)
                    found = Position(int(said["position"]), str(said["event_id"]))
    return found
