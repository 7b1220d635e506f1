"""Where on Kafka an event lies: its topic, partition and offset, found by its key and its time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated
from receiver.publish.kafka.partitioner import partition_of
from receiver.publish.kafka.scan import reader, scan, spans_since
from receiver.publish.ports import Message, Places

SCAN_S = 10.0
"""For looking through the partitions from the first event's time on."""


async def find(options: Mapping[str, Any], messages: Sequence[Message], since_ms: int) -> Places:
    """Give where those messages lie that are there; raises ``KafkaUnavailable``.

    Only the partition of each key is read, ``read_committed``, from ``since_ms`` (Unix milliseconds) on.
    """
    wanted = {(message.topic, _position(message)): message for message in messages}
    found: Places = {}
    async with translated(CALL_TIMEOUT_S + SCAN_S):
        partitions = await _partitions(options, messages)
        async with reader(options, committed=True) as consumer:
            spans = await spans_since(consumer, partitions, since_ms)
            with contextlib.suppress(KafkaUnavailable):  # a long way to the end: what was found by then is told
                async for record in scan(consumer, spans, SCAN_S):
                    headers = dict(record.headers)
                    message = wanted.get((record.topic, headers.get("receiver-position", b"")))
                    if message is not None and "receiver-replay" not in headers:
                        found[record.topic, message.record] = (record.partition, record.offset)
                    if len(found) == len(wanted):
                        break
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
    places = {(one.topic, partition_of(one.key, len(there[one.topic]))) for one in messages if one.topic in there}
    return sorted(TopicPartition(topic, there[topic][index]) for topic, index in places)
