"""Messages, put together as the batches in which they go to the brokers: one partition's records in one request.

They are put together here, and not record by record inside the client: measured together with the hash of keys, that is
a tenth of the publisher's work. A test holds the result against the client's own partitioner and batch builder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from receiver.publish.kafka.partitioner import partition_of
from receiver.publish.ports import Message

LENGTH_BYTES_MAX = 5
RECORD_OVERHEAD_BYTES = 32
"""Lengths, attributes, and distances in time and offset from the batch's first record."""


@dataclass(slots=True)
class RecordBatch:
    """Records of one partition, in their order, that go out in one request."""

    topic: str
    partition: int
    turn: int
    """How many batches of this partition come before it."""
    builder: Any
    """The client's ``BatchBuilder``."""
    bytes_max: int | None = None
    """What the topic takes as one batch; None where that is not known."""
    messages: list[Message] = field(default_factory=list)

    def add(self, message: Message) -> bool:
        """Append ``message``; False where the batch is full, which then stays as it was."""
        if self.bytes_max is not None and self.messages and self.builder.size() + _bytes(message) > self.bytes_max:
            return False
        headers = list(message.headers)
        if self.builder.append(timestamp=None, key=message.key, value=message.value, headers=headers) is None:
            return False
        self.messages.append(message)
        return True


def record_batches(
    messages: Sequence[Message],
    partitions: Mapping[str, Sequence[int]],
    make_builder: Callable[[], Any],
    bytes_max: Mapping[str, int] | None = None,
) -> list[RecordBatch]:
    """Put ``messages`` together, in order for each partition; ``partitions`` are each topic's, ascending.

    ``bytes_max`` is what a topic takes as one batch, where that is known: then what is refused all the same is a record
    that is too large itself. Such a record is a batch of its own.

    The first batches of all partitions come first, then all the second ones: a partition's second batch is sent only
    when its first one has been answered, and would hold back what comes after it.
    """
    limits = bytes_max or {}
    filling: dict[tuple[str, int], RecordBatch] = {}
    batches: list[RecordBatch] = []
    for message in messages:
        there = partitions[message.topic]
        place = message.topic, there[partition_of(message.key, len(there))]
        batch = filling.get(place)
        if batch is None or not batch.add(message):
            turn = 0 if batch is None else batch.turn + 1
            batch = filling[place] = RecordBatch(*place, turn, make_builder(), limits.get(message.topic))
            batches.append(batch)
            batch.add(message)
    return sorted(batches, key=lambda batch: batch.turn)


def _bytes(message: Message) -> int:
    # At most: lengths are written in as many bytes as they need, each of them in five at most.
    headers = sum(len(name.encode()) + len(value) + 2 * LENGTH_BYTES_MAX for name, value in message.headers)
    return len(message.key) + len(message.value) + headers + RECORD_OVERHEAD_BYTES
