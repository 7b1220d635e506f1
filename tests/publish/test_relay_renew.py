"""A relay that is told to begin anew, since its passwords or certificates have changed."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.errors import KafkaUnavailable
from receiver.model.records import OutboxBatch, OutboxRecord
from receiver.publish import relay as relay_module
from receiver.publish.metrics import PublishMetrics
from receiver.publish.ports import Publisher
from receiver.publish.relay import Relay
from receiver.sandbox.fakes import FakeClock, FakeKafka
from tests.support import Lines


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens because a time is over: only because it was asked for."""
    for name in ("PROBE_S", "PROBE_DOWN_S", "STOPPED_RETRY_S"):
        monkeypatch.setattr(relay_module, name, 3600)


def record(number: int) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip


class Stage:
    """A relay whose publishers come from what is configured at that moment."""

    def __init__(self) -> None:
        self.outbox, self.kafka, self.made = MemoryOutbox(), FakeKafka(), 0
        self.relay = Relay(
            outbox=self.outbox,
            make_publisher=self.make,
            route=partial(FakeKafka().route, journal_id="journal"),
            refused=lambda record, _why: record,
            topics=self.kafka.event_topics,
            transaction_timeout_s=15,
            clock=FakeClock(),
            log=Lines(),
            metrics=PublishMetrics(),
        )

    def make(self) -> Publisher:
        """Count the sessions."""
        self.made += 1
        return self.kafka.publisher("journal")

    async def until(self, sessions: int) -> None:
        """Wait for so many of them."""
        async with asyncio.timeout(60):
            while self.made < sessions:
                await asyncio.sleep(0.005)


async def test_a_session_under_way_ends_and_the_next_one_begins_at_once() -> None:
    """Nothing is lost in between, and nothing comes twice."""
    stage = Stage()
    running = asyncio.create_task(stage.relay.run())
    await stage.until(1)
    for number in range(1, 6):
        stage.outbox.commit(OutboxBatch([record(number)]))
        stage.relay.renew()
        await stage.until(number + 1)
    stage.relay.wake()
    async with asyncio.timeout(60):
        while len(stage.kafka.messages) < 5:
            await asyncio.sleep(0.005)
    stage.relay.stop()
    await running
    assert [message.record for message in stage.kafka.messages] == [1, 2, 3, 4, 5]


async def test_a_relay_that_waits_after_a_failure_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that was refused a moment ago may be the right one now."""
    for name in ("RETRY_MIN_S", "RETRY_MAX_S"):
        monkeypatch.setattr(relay_module, name, 3600)
    stage = Stage()
    stage.kafka.fail = [KafkaUnavailable("authentication failed")]
    running = asyncio.create_task(stage.relay.run())
    await stage.until(1)
    await asyncio.sleep(0.05)
    assert stage.relay.state.detail == "authentication failed"
    stage.relay.renew()
    await stage.until(2)
    stage.relay.stop()
    await running
