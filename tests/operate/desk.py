"""A context on the journal in memory of a ``Way``, and the callbacks that the tests of this room send it."""

from __future__ import annotations

import json
from typing import Any

from receiver.journal.memory.requests import MemoryRuns
from receiver.model.records import Position
from receiver.operate.context import Context
from receiver.publish.ports import Kafka
from tests.support import ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way

EXCHANGE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])
"""One that is done."""
SWAPS: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]
"""Status word → a swap."""


def exchange(identity: str, **changes: Any) -> bytes:
    """The body of a callback about one exchange."""
    return json.dumps(EXCHANGE | {"id": identity} | changes).encode()


def context_of(way: Way, kafka: Kafka | None = None) -> Context:
    """What a person works with, on all that is real in the way of a callback."""
    return Context(
        clock=way.clock,
        log=way.log,
        record_bytes_max=way.rules.record_bytes_max,
        publish_body=False,
        runs=MemoryRuns(),
        open_journal=lambda: way.journal,
        open_sources=lambda: way.rules.sources,
        open_kafka=lambda: kafka,
    )


async def published(way: Way, kafka: Kafka, *, after: int = 0) -> None:
    """Put the journal's records above a number on Kafka, as the relay does."""
    publisher = kafka.publisher(way.journal.journal_id)
    await publisher.connect()
    for record in way.outbox.read(after, 1000):
        await publisher.publish(kafka.route(record, way.journal.journal_id), Position(record.number, record.record_id))
    await publisher.close()
