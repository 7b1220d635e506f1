"""Where on Kafka an event lies: its topic, partition and offset, found by its key and its time."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated
from receiver.publish.kafka.partitioner import partition_of
from receiver.publish.kafka.scan import reader, scan, spans_since
from receiver.publish.ports import Message, Places

SCAN_S = 10.0
"""For looking through the partitions from the first event's time on."""


async def find(options: Mapping[str, Any], messages: Sequence[Message], since_ms: int) -> Places:
    """Give where those messages lie that are there; raises ``KafkaUnavailable``.

    The partition of each key is read first, ``read_committed``, from ``since_ms`` (Unix milliseconds) on. The others
    only where that was not all: a key goes to another one while its topic has partitions that nobody has accepted yet.
    """
    wanted = {(message.topic, _position(message)): message for message in messages}
    found: Places = {}
    async with translated(CALL_TIMEOUT_S + SCAN_S):
        there = await _there(options, messages)
        likely = {_of_key(message, there[message.topic]) for message in messages if message.topic in there}
        others = {one for partitions in there.values() for one in partitions} - likely
        async with reader(options, committed=True) as consumer:
            for partitions in (likely, others):
                if len(found) < len(wanted):
                    found |= await _found(consumer, partitions, since_ms, wanted)
    return found


async def _found(
    consumer: AIOKafkaConsumer,
    partitions: Collection[TopicPartition],
    since_ms: int,
    wanted: Mapping[tuple[str, bytes], Message],
) -> Places:
    found: Places = {}
    spans = await spans_since(consumer, sorted(partitions), since_ms)
    with contextlib.suppress(KafkaUnavailable):  # a long way to the end: what was found by then is told
        async for record in scan(consumer, spans, SCAN_S / 2):
            headers = dict(record.headers)
            message = wanted.get((record.topic, headers.get("receiver-position", b"")))
            if message is not None and "receiver-replay" not in headers:
                found[record.topic, message.record] = (record.partition, record.offset)
            if len(found) == len(wanted):
                break
    return found


def _position(message: Message) -> bytes:
    return dict(message.headers)["receiver-position"]


async def _there(options: Mapping[str, Any], messages: Sequence[Message]) -> dict[str, list[TopicPartition]]:
    topics = sorted({message.topic for message in messages})
    async with admin_client(options) as admin:
        described = {topic["topic"]: topic for topic in await admin.describe_topics(topics)}
    return {
        name: sorted(TopicPartition(name, partition["partition"]) for partition in topic["partitions"])
        for name, topic in described.items()
        if topic["error_code"] == 0
    }


def _of_key(message: Message, partitions: Sequence[TopicPartition]) -> TopicPartition:
    return partitions[partition_of(message.key, len(partitions))]
