"""Reading status events back from Kafka, as a consumer sees them: ``read_committed``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated
from receiver.publish.kafka.scan import POLL_MS, reader
from receiver.publish.ports import Tailed


async def tail(options: Mapping[str, Any], topics: Sequence[str], *, follow: bool) -> AsyncIterator[Tailed]:
    """Give the records of ``topics`` from the beginning to the end they have now, or for ever with ``follow``.

    Order holds within a partition. Raises ``KafkaUnavailable``.
    """
    async with contextlib.AsyncExitStack() as stack:
        async with translated(CALL_TIMEOUT_S):
            consumer = await stack.enter_async_context(reader(options, committed=True))
            partitions = await _partitions(options, topics)
            consumer.assign(partitions)
            if partitions:
                await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions) if partitions else {}
        while follow or not await _passed(consumer, ends):
            async with translated(CALL_TIMEOUT_S):
                fetched = await consumer.getmany(timeout_ms=POLL_MS)
            for partition, records in fetched.items():
                for record in records:
                    if follow or record.offset < ends[partition]:
                        yield Tailed(
                            record.topic,
                            record.partition,
                            record.offset,
                            (record.key or b"").decode(errors="replace"),
                            tuple(record.headers),
                            record.value or b"",
                        )


async def _partitions(options: Mapping[str, Any], topics: Sequence[str]) -> list[TopicPartition]:
    # Of the cluster, not of the consumer: that knows a topic's partitions only after it has been assigned one of them.
    async with admin_client(options) as admin:
        described = await admin.describe_topics(list(topics))
    return sorted(
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if topic["error_code"] == 0
        for partition in topic["partitions"]
    )


async def _passed(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    return all([end == 0 or await consumer.position(partition) >= end for partition, end in ends.items()])
