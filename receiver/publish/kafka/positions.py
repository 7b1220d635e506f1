"""What Kafka remembers of a journal: the last committed record of its key in the positions topic.

The topic's uncommitted end is asked for first, and the topic is read ``read_committed`` until that end is passed: so a
transaction that was open a moment ago is waited for, and never mistaken for one that was not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka import ConsumerRecord, TopicPartition

from receiver.model.records import Position
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated
from receiver.publish.kafka.scan import Span, reader, scan
from receiver.publish.kafka.topics import require_positions
from receiver.publish.ports import Memory

READ_BACK_S = 30.0
"""For reading the positions topic: another journal's open transaction can hold its end back until that times out."""


async def read_memory(options: Mapping[str, Any], topic: str, journal_id: str) -> Memory:
    """Look without fencing anybody; raises ``KafkaUnavailable``."""
    async with admin_client(options) as admin:
        await require_positions(admin, options, topic)
        async with translated(CALL_TIMEOUT_S):
            cluster = await admin.describe_cluster()
    return Memory(str(cluster["cluster_id"]), await read_position(options, topic, journal_id))


async def read_position(
    options: Mapping[str, Any], topic: str, journal_id: str, before: int | None = None
) -> Position | None:
    """Give the journal's last committed position, before an offset or the topic's end; None where there is none.

    Raises ``KafkaUnavailable``, also where a transaction is still open after ``READ_BACK_S``.
    """
    partition = TopicPartition(topic, 0)
    found: Position | None = None
    async with translated(READ_BACK_S + CALL_TIMEOUT_S):
        async with reader(options, committed=False) as consumer:
            end = int((await consumer.end_offsets([partition]))[partition]) if before is None else before
        async with reader(options, committed=True) as consumer:
            async for record in scan(consumer, {partition: Span(None, end)}, READ_BACK_S):
                found = position_in(record, journal_id) or found
    return found


def position_in(record: ConsumerRecord, journal_id: str) -> Position | None:
    """Read a record of the positions topic; None where it is another journal's."""
    if record.key != journal_id.encode() or record.value is None:
        return None
    said = orjson.loads(record.value)
    return Position(int(said["position"]), str(said["event_id"]))
