"""Transactions that were ended and whose end a broker did not write: found when a producer starts, and ended for good.

Kafka answers a commit once its coordinator has noted it; the marks that end the transaction in each partition follow.
Brokers from 4.3 on (KAFKA-20734, also in 4.4.0) leave marks out while a partition has no leader, which is so for all of
them when a single broker comes back from a crash: seen here in 6 of 11 brokers killed right after a commit. Nobody ends
such a transaction. Readers of what is committed wait before it for ever, or until the next transaction of this producer
ends in that partition: its mark then ends both, whatever was to become of the first.

So a publisher counts a transaction as confirmed only when it is open in no partition any more, and begins the next one
only then. And when a producer starts, its coordinator ends every transaction that it still knows of; one that is open
after that has lost its end. It gets one here: a transaction without records writes a mark of the same kind in each of
those partitions. Whether that is a commit or an abort, ``position.counts_as_committed`` decides from what can be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition, errors

from receiver.publish.kafka.client import CALL_TIMEOUT_S, translated
from receiver.publish.kafka.internals import add_partition, producer_id
from receiver.publish.kafka.open_transactions import Open, named, open_transactions, until_ended
from receiver.publish.kafka.positions import position_in, read_position
from receiver.publish.kafka.scan import Span, reader, scan, spans_since
from receiver.publish.position import counts_as_committed

SCANS_S = 60.0
"""For reading what a transaction left open, and what of it can be seen, together."""
RETRY_S = 0.1
"""Before a broker is asked again that was named a leader and does not know it yet."""
EARLIER_MS = 60_000
"""A transaction's first record is at most so much older than its position: longer than a transaction may take."""

NumberOf = Callable[[Mapping[str, bytes]], int | None]
"""A message's headers → the number of our record, None where it is not ours."""


@dataclass(frozen=True, slots=True)
class _Tail:
    """What of our records and positions lies in the partitions' open ends."""

    reaches: int | None
    """The position, None where the positions topic has no open end."""
    since_ms: int
    """When that position was written."""
    left: frozenset[int]
    """Numbers of our records in the other topics."""


class HangingTransactions:
    """Those of one producer, in the partitions that it writes to."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        options: Mapping[str, Any],
        *,
        positions_topic: str,
        journal_id: str,
        number_of: NumberOf,
    ) -> None:
        self._producer = producer
        self._options = options
        self._positions = positions_topic
        self._journal_id = journal_id
        self._number_of = number_of

    async def find(self, leaders: Mapping[TopicPartition, int]) -> Open:
        """Look; raises ``KafkaUnavailable``."""
        async with translated(CALL_TIMEOUT_S):
            while True:
                try:
                    return await open_transactions(self._producer.client, producer_id(self._producer), leaders)
                except errors.NotLeaderForPartitionError:  # of a topic that was made a moment ago
                    await asyncio.sleep(RETRY_S)

    async def end(self, found: Open, leaders: Mapping[TopicPartition, int], wait_s: float) -> str:
        """End what was found; gives what a person should be told. Raises ``KafkaUnavailable``."""
        others = [partition for partition in leaders if partition.topic != self._positions]
        committed = await self._was_committed(found.starts, others)
        async with translated(wait_s):
            await self._producer.begin_transaction()
            for partition in found.starts:
                add_partition(self._producer, partition)
            await (self._producer.commit_transaction() if committed else self._producer.abort_transaction())
            await until_ended(
                self._producer.client, producer_id(self._producer), {one: leaders[one] for one in found.starts}, wait_s
            )
        done = "committed" if committed else "undone"
        return f"a transaction that Kafka had left open on {named(found.starts)} was {done}"

    async def _was_committed(self, starts: Mapping[TopicPartition, int], others: Collection[TopicPartition]) -> bool:
        before = starts.get(TopicPartition(self._positions, 0))
        stands = await read_position(self._options, self._positions, self._journal_id, before)
        async with translated(SCANS_S + CALL_TIMEOUT_S):
            tail = await self._tail(starts)
            seen = frozenset[int]() if tail.reaches is None else await self._seen(starts, others, tail.since_ms)
        return counts_as_committed(stands.number if stands is not None else 0, tail.reaches, tail.left, seen)

    async def _tail(self, starts: Mapping[TopicPartition, int]) -> _Tail:
        reaches, since_ms, left = None, 0, set[int]()
        async with reader(self._options, committed=False) as consumer:
            ends = await consumer.end_offsets(list(starts))
            spans = {partition: Span(start, ends[partition]) for partition, start in starts.items()}
            async for record in scan(consumer, spans, SCANS_S / 2):
                if record.topic != self._positions:
                    number = self._number_of(dict(record.headers))
                    left |= {number} if number is not None else set()
                elif (position := position_in(record, self._journal_id)) is not None:
                    since_ms = record.timestamp if reaches is None else since_ms
                    reaches = max(reaches or 0, position.number)
        return _Tail(reaches, since_ms, frozenset(left))

    async def _seen(
        self, starts: Mapping[TopicPartition, int], others: Collection[TopicPartition], since_ms: int
    ) -> frozenset[int]:
        # Up to our own open end, or else to the very end: what another producer holds back is waited for, not guessed.
        async with reader(self._options, committed=False) as consumer:
            spans = await spans_since(consumer, others, since_ms - EARLIER_MS)
        spans = {one: Span(span.start, min(span.end, starts.get(one, span.end))) for one, span in spans.items()}
        async with reader(self._options, committed=True) as consumer:
            numbers = [self._number_of(dict(one.headers)) async for one in scan(consumer, spans, SCANS_S / 2)]
        return frozenset(number for number in numbers if number is not None)
