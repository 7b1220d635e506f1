"""Reading partitions from here to there, for everything that looks into Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka.client import close_quietly, make_consumer, start_consumer

FETCH_WAIT_MS = 100
POLL_MS = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a partition: from the offset ``start`` on, None for its beginning, to before ``end``."""

    start: int | None
    end: int


@asynccontextmanager
async def reader(options: Mapping[str, Any], *, committed: bool) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a started consumer that belongs to no group; raises the client's errors, and ``KafkaUnavailable``.

    With ``committed`` a partition ends, for it, where the first open transaction begins, and what was aborted is not
    there; without, everything is.
    """
    own: dict[str, Any] = {"enable_auto_commit": False, "fetch_max_wait_ms": FETCH_WAIT_MS}
    own["isolation_level"] = "read_committed" if committed else "read_uncommitted"
    consumer = make_consumer({**options, **own})
    try:
        await start_consumer(consumer, options)
        await asyncio.sleep(0)  # stopped before its own tasks have run, it would raise their CancelledError
        yield consumer
    finally:
        await close_quietly(consumer)


async def scan(
    consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span], wait_s: float
) -> AsyncIterator[ConsumerRecord]:
    """Give the records of ``spans``, in order within a partition.

    Raises the client's errors, and ``KafkaUnavailable`` where an end is not reached within ``wait_s``: for a reader of
    what is committed, a transaction is still open there.
    """
    spans = {partition: span for partition, span in spans.items() if (span.start or 0) < span.end}
    if not spans:
        return
    consumer.assign(list(spans))
    for partition, span in spans.items():
        if span.start is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, span.start)
    deadline = asyncio.get_running_loop().time() + wait_s
    while unread := [partition for partition, span in spans.items() if await consumer.position(partition) < span.end]:
        if asyncio.get_running_loop().time() > deadline:
            late = f"{unread[0].topic} was not read to its end in {wait_s:.0f} s"
            raise KafkaUnavailable(f"{late}: is a transaction open there?")
        for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                if record.offset < spans[partition].end:
                    yield record


async def spans_since(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition], since_ms: int
) -> dict[TopicPartition, Span]:
    """Give what was written to ``partitions`` from a time on (Unix milliseconds) to their ends of now."""
    if not partitions:
        return {}
    ends = await consumer.end_offsets(list(partitions))
    starts = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
    return {
        partition: Span(ends[partition] if starts.get(partition) is None else starts[partition].offset, ends[partition])
        for partition in partitions
    }
