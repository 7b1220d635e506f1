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


@dataclass(slots=True)
class RecordBatch:
    """Records of one partition, in their order, that go out in one request."""

    topic: str
    partition: int
    turn: int
    """How many batches of this partition come before it."""
    builder: Any
    """The client's ``BatchBuilder``."""
    messages: list[Message] = field(default_factory=list)

    def add(self, message: Message) -> bool:
        """Append ``message``; False where the batch is full, which then stays as it was."""
        headers = list(message.headers)
        if self.builder.append(timestamp=None, key=message.key, value=message.value, headers=headers) is None:
            return False
        self.messages.append(message)
        return True


def record_batches(
    messages: Sequence[Message], partitions: Mapping[str, Sequence[int]], make_builder: Callable[[], Any]
) -> list[RecordBatch]:
    """Put ``messages`` together, in order for each partition; ``partitions`` are each topic's, ascending.

    The first batches of all partitions come first, then all the second ones: a partition's second batch is sent only
    when its first one has been answered, and would hold back what comes after it.
    """
    filling: dict[tuple[str, int], RecordBatch] = {}
    batches: list[RecordBatch] = []
    for message in messages:
        there = partitions[message.topic]
        place = message.topic, there[partition_of(message.key, len(there))]
        batch = filling.get(place)
        if batch is None or not batch.add(message):
            turn = 0 if batch is None else batch.turn + 1
            batch = filling[place] = RecordBatch(*place, turn, make_builder())
            batches.append(batch)
            batch.add(message)
    return sorted(batches, key=lambda batch: batch.turn)
