"""The relay against a Kafka in memory that fails in every way: exactly once, in order, and it says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
import pytest

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.callback import EntryId
from receiver.model.errors import KafkaFenced, KafkaUnavailable, RecordRefused
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position
from receiver.publish import batch_size
from receiver.publish import relay as relay_module
from receiver.publish.metrics import PublishMetrics
from receiver.publish.ports import Message
from receiver.publish.refused import refused
from receiver.publish.relay import Relay
from receiver.sandbox.fakes import FakeClock, FakeKafka
from tests.support import Lines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a test's length."""
    for name in ("RETRY_MIN_S", "RETRY_MAX_S", "STOPPED_RETRY_S", "PROBE_S", "PROBE_DOWN_S", "PACE_MIN_S"):
        monkeypatch.setattr(relay_module, name, 0.01)


def record(number: int) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", f"op-{number % 3}", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip


def add(outbox: MemoryOutbox, *numbers: int) -> None:
    """Commit records."""
    outbox.commit(OutboxBatch(records=[record(number) for number in numbers]))


class Stage:
    """A relay, its outbox, its Kafka and its log."""

    def __init__(self) -> None:
        self.outbox, self.kafka, self.log, self.clock = MemoryOutbox(), FakeKafka(), Lines(), FakeClock()
        self.relay = self.make()

    def make(self, publisher: Callable[[], Any] | None = None, **slot: Any) -> Relay:
        """A relay on this stage."""
        return Relay(
            outbox=self.outbox,
            make_publisher=publisher or partial(self.kafka.publisher, "journal"),
            route=partial(self.kafka.route, journal_id="journal"),
            refused=lambda one, why: refused(one, None, why, frozenset()),
            topics=["exchange.status.v1", "webhook.quarantine.v1"],
            transaction_timeout_s=1,
            clock=self.clock,
            log=self.log,
            metrics=PublishMetrics(),
            **slot,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the relay for the body's time, then stop it."""
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            self.relay.stop()
            await asyncio.wait_for(task, 60)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, for at most a minute."""
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.005)

    def published(self) -> list[int]:
        """Record numbers on Kafka, in order."""
        return [message.record for message in self.kafka.messages]


async def test_records_go_out_once_in_order_with_their_position() -> None:
    """A wake-up is enough; the local copy follows Kafka's commit."""
    stage = Stage()
    add(stage.outbox, 1, 2)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 2)
        add(stage.outbox, 3)
        stage.relay.wake()
        await stage.until(lambda: len(stage.kafka.messages) == 3)
        assert stage.relay.state.word == "up"
    assert stage.published() == [1, 2, 3]
    assert stage.kafka.positions == {"journal": Position(3, "id-3")}
    assert stage.outbox.remembered("fake-cluster") == Position(3, "id-3")


@pytest.mark.parametrize(
    "error", [KafkaUnavailable("no broker answers"), KafkaFenced("fenced"), TimeoutError(), ZeroDivisionError()]
)
async def test_any_error_drops_the_producer_asks_kafka_and_goes_on(error: Exception) -> None:
    """Nothing is lost or repeated, wherever it failed: connecting, probing, publishing."""
    for healthy_calls in range(4):
        stage = Stage()
        stage.kafka.fail = [] if healthy_calls else [error]
        add(stage.outbox, 1, 2, 3)
        async with stage.running():
            if healthy_calls:
                stage.kafka.fail = [error]
            await stage.until(lambda stage=stage: len(stage.kafka.messages) == 3)  # type: ignore[misc]
            await stage.until(lambda stage=stage: stage.relay.state.word == "up")  # type: ignore[misc]
        assert stage.published() == [1, 2, 3]


async def test_what_is_missing_is_said_also_while_records_for_other_topics_go_through() -> None:
    """Under a steady load nobody is ever idle; what goes through does not hide what is missing."""
    stage = Stage()

    async def steadily() -> None:
        for number in range(1, 100_000):
            add(stage.outbox, number)
            stage.relay.wake()
            await asyncio.sleep(0.001)

    async with stage.running():
        load = asyncio.create_task(steadily())
        await stage.until(lambda: len(stage.kafka.messages) > 20)
        stage.kafka.missing.add("webhook.quarantine.v1")
        await stage.until(lambda: "webhook.quarantine.v1 is missing" in stage.relay.state.detail)
        published, words = len(stage.kafka.messages), set()
        while len(stage.kafka.messages) < published + 50:
            words.add(stage.relay.state.word)
            await asyncio.sleep(0.001)
        assert words == {"down"}
        stage.kafka.missing.clear()
        await stage.until(lambda: stage.relay.state.word == "up")
        load.cancel()
    assert stage.published() == list(range(1, len(stage.published()) + 1))


async def test_small_batches_are_paced_and_a_backlog_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after a small transaction waits a while; full ones follow each other at once."""
    monkeypatch.setattr(relay_module, "pace_s", lambda _records: 2)
    monkeypatch.setattr(batch_size, "RECORDS_MAX", 4)
    stage = Stage()
    add(stage.outbox, *range(1, 14))
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 13)
        for number in (14, 15, 16):
            add(stage.outbox, number)
            stage.relay.wake()
            await asyncio.sleep(0.02)
        assert len(stage.kafka.messages) == 13
        await stage.until(lambda: len(stage.kafka.messages) == 16)
    assert [line["events"] for line in stage.log.named("relay.published")] == [4, 4, 4, 1, 3]


async def test_a_backlog_of_large_records_is_not_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few of them fill a batch: the next one follows at once, as after many small ones."""
    monkeypatch.setattr(relay_module, "pace_s", lambda _records: 3600)
    monkeypatch.setattr(relay_module, "FULL_BYTES", 3 * len(record(1).value))
    stage = Stage()
    add(stage.outbox, 1, 2, 3)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 3)
        add(stage.outbox, 4, 5)
        stage.relay.wake()
        await stage.until(lambda: len(stage.kafka.messages) == 5)
        add(stage.outbox, 6)
        stage.relay.wake()
        await asyncio.sleep(0.05)
        assert len(stage.kafka.messages) == 5


@pytest.mark.parametrize(("per_s", "settles_at_s"), [(100, 0.02), (4900, 0.02), (5100, 0.15), (30_000, 0.15)])
def test_the_pauses_grow_with_the_rate_and_shrink_again(
    monkeypatch: pytest.MonkeyPatch, per_s: int, settles_at_s: float
) -> None:
    """Few transactions at a high rate, whatever it was before; at a moderate one a consumer does not wait for it."""
    monkeypatch.undo()
    for before_s in (relay_module.PACE_MIN_S, relay_module.PACE_MAX_S):
        now_s = before_s
        for _ in range(200):
            now_s = relay_module.pace_s(round(per_s * now_s))
        assert now_s == pytest.approx(settles_at_s, abs=1e-3)


async def test_the_local_copy_is_noted_now_and_then_and_when_the_relay_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit for each transaction would make callbacks wait for its fsync."""
    stage = Stage()
    noted: list[int] = []
    monkeypatch.setattr(stage.outbox, "remember", lambda _cluster, position: noted.append(position.number))
    async with stage.running():
        for number in (1, 2, 3):
            add(stage.outbox, number)
            stage.relay.wake()
            await stage.until(lambda number=number: len(stage.kafka.messages) == number)  # type: ignore[misc]
        assert noted == [1]
        stage.clock.advance(relay_module.REMEMBER_S)
        await stage.until(lambda: noted == [1, 3])
        add(stage.outbox, 4)
        stage.relay.wake()
        await stage.until(lambda: len(stage.kafka.messages) == 4)
    assert noted == [1, 3, 4]


async def test_a_crash_between_sent_and_remembered_repeats_nothing() -> None:
    """Kafka's position is believed, not the local copy, which was never written."""
    stage = Stage()
    add(stage.outbox, 1, 2, 3)
    stage.kafka.positions["journal"] = Position(2, "id-2")
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 1)
    assert stage.published() == [3]


async def test_while_kafka_is_away_it_is_down_with_the_reason_and_drains_by_itself() -> None:
    """Its state is what ``/readyz`` shows."""
    stage = Stage()
    stage.kafka.fail = [KafkaUnavailable("topic exchange.status.v1 is missing")] * 3
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: bool(stage.log.named("relay.kafka_down")))
        assert stage.log.named("relay.kafka_down")[0]["detail"] == "topic exchange.status.v1 is missing"
        await stage.until(lambda: stage.relay.state.word == "up")
        await stage.until(lambda: stage.published() == [1])


async def test_what_does_not_fit_stops_aloud_and_is_looked_at_again() -> None:
    """Nothing is published while it is stopped; once it fits, it goes on without a restart."""
    stage = Stage()
    add(stage.outbox, 1)
    stage.kafka.positions["journal"] = Position(9, "id-9")
    async with stage.running():
        await stage.until(lambda: stage.relay.state.word == "stopped")
        assert "rejoin" in stage.relay.state.detail
        assert stage.published() == []
        stage.kafka.positions.clear()
        await stage.until(lambda: stage.published() == [1])


async def test_an_older_relay_is_fenced_and_takes_over_no_record_twice() -> None:
    """Two relays on one journal fence each other in turn; each record is still out once."""
    stage = Stage()
    other = stage.make()
    async with stage.running():
        second = asyncio.create_task(other.run())
        for number in range(1, 30):
            add(stage.outbox, number)
            stage.relay.wake()
            other.wake()
            await asyncio.sleep(0.005)
        await stage.until(lambda: len(stage.kafka.messages) >= 29)
        other.stop()
        await asyncio.wait_for(second, 60)
    assert stage.published() == list(range(1, 30))


async def test_a_kafka_that_hangs_counts_as_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction has a time limit of its own."""
    stage = Stage()
    hung: list[int] = []

    class Hanging:
        def __init__(self) -> None:
            self._real = stage.kafka.publisher("journal")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        async def publish(self, messages: list[Message], position: Position) -> None:
            if not hung:
                hung.append(1)
                await asyncio.sleep(3600)
            await self._real.publish(messages, position)

    monkeypatch.setattr(relay_module, "PUBLISH_TIMEOUT_MAX_S", 0.05)
    stage.relay = stage.make(Hanging)
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: stage.published() == [1])
    assert stage.log.named("relay.kafka_down")[0]["detail"] == "Kafka confirmed nothing for 0 s"


class Narrow:
    """A broker with a limit on the size of a whole batch, as Kafka's is."""

    def __init__(self, stage: Stage, bytes_max: int) -> None:
        self._real = stage.kafka.publisher("journal")
        self._bytes_max = bytes_max

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def publish(self, messages: list[Message], position: Position) -> None:
        """Refuse what is too large, blaming the largest."""
        if sum(len(message.value) for message in messages) > self._bytes_max:
            largest = max(messages, key=lambda message: len(message.value))
            raise RecordRefused(largest.record, "MessageSizeTooLargeError")
        await self._real.publish(messages, position)


def event(number: int, size: int) -> OutboxRecord:
    """An event record whose value has a size."""
    value = orjson.dumps({"sequence": number, "meta": "x" * size})
    return replace(record(number), value=value)


async def test_a_record_that_kafka_refuses_goes_to_quarantine_and_the_line_goes_on() -> None:
    """Only what was refused alone; its quarantine record names the sequence that consumers will miss."""
    stage = Stage()
    stage.relay = stage.make(lambda: Narrow(stage, 3000))
    sizes = [10] * 400 + [5000] + [10] * 20
    stage.outbox.commit(
        OutboxBatch(
            records=[event(number, size) for number, size in enumerate(sizes, start=1)],
            outcomes=[Outcome("inbox", number, "event", number, "k") for number in range(1, len(sizes) + 1)],
        )
    )
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == len(sizes))
    assert stage.published() == list(range(1, len(sizes) + 1))
    odd = stage.kafka.messages[400]
    assert odd.topic == "webhook.quarantine.v1"
    said = orjson.loads(odd.value)
    assert (said["reason"], said["quarantine_id"]) == ("too_large_for_broker", "401")
    assert "miss sequence 401 of op-2" in said["detail"]
    assert [m.topic for m in stage.kafka.messages].count("webhook.quarantine.v1") == 1
    assert stage.outbox.outcomes[EntryId("inbox", 401)].outcome == "quarantine"
    assert stage.log.named("relay.record_refused")[0]["record"] == 401


async def test_what_kafka_refuses_in_any_form_is_withheld_and_kept() -> None:
    """Even its quarantine record is too large for this broker: it stays in the journal, and nothing waits for it."""
    stage = Stage()
    stage.relay = stage.make(lambda: Narrow(stage, 100))
    stage.outbox.commit(OutboxBatch(records=[event(1, 500), replace(record(2), value=b"{}")]))
    async with stage.running():
        await stage.until(lambda: stage.published() == [2])
    assert [one.record_type for one in stage.outbox.records] == ["withheld", "event"]
    assert stage.outbox.records[0].record_id == "1"
