"""A Kafka that is slow, throttles, or fails every batch: what the relay tries, when it waits, and when it is up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from receiver.model.errors import KafkaFenced, KafkaUnavailable, RecordRefused, StoreFailed
from receiver.model.records import OutboxBatch, Position
from receiver.publish import relay as relay_module
from receiver.publish.ports import Message
from tests.publish.test_relay import Stage, add, event, quick

__all__ = ["quick"]


class Trying:
    """A Kafka that fails or dawdles as a function of the batch says; notes how many records each try had."""

    def __init__(self, stage: Stage, what: Callable[[int], Exception | None]) -> None:
        self._real = stage.kafka.publisher("journal")
        self._what = what
        self.tries: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def publish(self, messages: list[Message], position: Position) -> None:
        """Fail where it is told to."""
        self.tries.append(len(messages))
        error = self._what(len(messages))
        if error is not None:
            raise error
        await self._real.publish(messages, position)


@pytest.mark.parametrize("error", [KafkaUnavailable("no answer"), KafkaFenced("timed out"), TimeoutError()])
async def test_a_batch_that_failed_is_not_tried_again_at_its_size(error: Exception) -> None:
    """Less each time, until it goes through; then more again, and no more than it proved."""
    stage, tries = Stage(), list[int]()

    def make() -> Trying:
        made = Trying(stage, lambda count: error if count > 40 else None)
        made.tries = tries
        return made

    stage.relay = stage.make(make)
    add(stage.outbox, *range(1, 1001))
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 1000)
    assert tries[:4] == [1000, 250, 62, 15]
    assert sum(tries[3:]) < 1.2 * 1000
    assert stage.published() == list(range(1, 1001))


async def test_sessions_that_publish_nothing_wait_longer_each_time_and_are_never_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them connects, and finds every topic: that proves nothing, as where a topic may not be written."""
    stage = Stage()
    states: list[str] = []
    waits: list[float] = []
    monkeypatch.setattr(relay_module, "RETRY_MIN_S", 0.2)
    monkeypatch.setattr(relay_module, "RETRY_MAX_S", 5.0)
    allowed: list[bool] = []

    def make() -> Trying:
        return Trying(stage, lambda _: None if allowed else KafkaUnavailable("this client lacks an ACL"))

    stage.relay = stage.make(make)

    async def pause(seconds: float) -> None:
        states.append(stage.relay.state.word)
        waits.append(seconds)
        if len(waits) == 10:
            allowed.append(True)
        await asyncio.sleep(0)

    monkeypatch.setattr(stage.relay, "_pause", pause)
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 1)
        await stage.until(lambda: stage.relay.state.word == "up")
    assert set(states[:10]) == {"down"}
    assert len(stage.log.named("relay.kafka_up")) == 1
    assert sum(waits[:10]) > 23
    assert max(waits) <= 5


async def test_a_journal_that_is_back_is_found_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its database was away: nothing was asked of Kafka meanwhile, and events wait."""
    stage = Stage()
    waits: list[float] = []
    monkeypatch.setattr(relay_module, "RETRY_MIN_S", 0.2)
    monkeypatch.setattr(relay_module, "RETRY_MAX_S", 5.0)
    read = stage.outbox.read

    def away(after: int, limit: int) -> Any:
        if len(waits) < 10:
            raise StoreFailed("outbox: the database did not answer in time")
        return read(after, limit)

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(stage.outbox, "read", away)
    monkeypatch.setattr(stage.relay, "_pause", pause)
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: stage.published() == [1])
    assert 0.5 <= max(waits[:10]) <= relay_module.STORE_RETRY_MAX_S


async def test_with_nothing_to_publish_a_session_and_a_look_at_the_topics_are_enough() -> None:
    """Nobody would wait for a callback to be told that Kafka is back."""
    stage = Stage()
    stage.kafka.fail = [KafkaUnavailable("no broker answers")] * 3
    async with stage.running():
        await stage.until(lambda: bool(stage.log.named("relay.kafka_down")))
        await stage.until(lambda: stage.relay.state.word == "up")


async def test_what_the_brokers_ask_to_wait_is_waited_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent meanwhile, and it is down where that is long."""
    stage = Stage()
    stage.kafka.throttle_s = 60
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: stage.relay.state.detail.startswith("Kafka throttles this client"))
        assert stage.published() == []
    assert stage.log.named("relay.throttled")[0]["wait_s"] == 60
    stage.kafka.throttle_s = 0
    stage.relay = stage.make()
    async with stage.running():
        await stage.until(lambda: stage.relay.state.word == "up" and stage.published() == [1])


async def test_a_new_session_waits_what_the_last_one_was_asked_to() -> None:
    """A new connection is not held back by the broker; to use it would be to evade the quota, and cost more later."""
    stage = Stage()
    add(stage.outbox, 1)
    made: list[Any] = []

    def make() -> Trying:
        one = Trying(stage, lambda _: KafkaUnavailable("it does not fit") if len(made) == 1 else None)
        made.append(one)
        if len(made) == 1:
            one.throttled_s = lambda: 60.0 if one.tries else 0.0  # type: ignore[attr-defined]
        return one

    stage.relay = stage.make(make)
    async with stage.running():
        await stage.until(lambda: "throttles" in stage.relay.state.detail)
        assert made[1].tries == []


async def test_a_slow_publish_of_which_parts_are_confirmed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only silence counts: not how long it takes in all."""
    monkeypatch.setattr(relay_module, "PUBLISH_TIMEOUT_MAX_S", 0.05)
    stage = Stage()

    class Slow(Trying):
        def quiet_s(self) -> float:
            return 0.01

        async def publish(self, messages: list[Message], position: Position) -> None:
            await asyncio.sleep(0.3)
            await super().publish(messages, position)

    stage.relay = stage.make(lambda: Slow(stage, lambda _: None))
    add(stage.outbox, 1)
    async with stage.running():
        await stage.until(lambda: stage.published() == [1])
    assert not stage.log.named("relay.kafka_down")


async def test_only_a_record_that_was_alone_in_what_was_refused_is_condemned_at_once() -> None:
    """The broker refused its batch, and there was nothing else in it: the others need not be tried one by one."""
    stage = Stage()

    class OneTooLarge(Trying):
        async def publish(self, messages: list[Message], position: Position) -> None:
            if any(message.record == 5 and message.topic != "webhook.quarantine.v1" for message in messages):
                raise RecordRefused(5, "MessageSizeTooLargeError", alone=True)
            await super().publish(messages, position)

    stage.relay = stage.make(lambda: OneTooLarge(stage, lambda _: None))
    stage.outbox.commit(OutboxBatch(records=[event(number, 10) for number in range(1, 10)]))
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 9)
    assert not stage.log.named("relay.narrowed")
    assert [line["record"] for line in stage.log.named("relay.record_refused")] == [5]
