"""The traces process: what goes wrong in it costs spans, and ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from receiver.journal.memory.journal import MemoryJournal
from receiver.model.errors import StoreFailed
from receiver.model.records import OutboxBatch
from receiver.sandbox.fakes import FakeClock
from receiver.service.config.settings import build
from receiver.service.processes.traces import TracesProcess
from receiver.trace.spans import Span
from tests.support import Lines
from tests.trace.collector import record

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}
SETTINGS = build({"sources": [SOURCE], "traces": {"endpoint": "http://h/v1/traces", "sample_ratio": 1}}, "here")


@dataclass
class Collector:
    """Fails as it is told to, and then takes all."""

    raises: list[Exception] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    closed: bool = False

    def send(self, spans: Sequence[Span]) -> str | None:
        if self.raises:
            raise self.raises.pop()
        self.spans += spans
        return None

    def close(self) -> None:
        self.closed = True


async def test_a_bug_and_a_disk_that_fails_are_said_and_outlived() -> None:
    """The next records are told of all the same; in the end everything is given back."""
    journal, log = MemoryJournal(), Lines()
    collector = Collector([StoreFailed("disk"), RuntimeError("bug")])
    part = TracesProcess(SETTINGS, journal.outbox(), collector, log, FakeClock())
    running = asyncio.create_task(part.run())
    number = 0
    while not collector.spans:
        number += 1
        journal.outbox().commit(OutboxBatch(records=[record(number)]))
        await asyncio.sleep(0.01)
    assert len(log.named("traces.bug")) == 1
    assert log.named("traces.refused") == [{"why": "disk"}]
    assert part.status() == {"collector": "up"}
    assert b"receiver_trace_spans_sent_total" in part.metrics()
    part.stop()
    await running
    assert collector.closed
