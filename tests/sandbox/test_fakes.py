"""The fakes that ship: what a contract suite does not say of them."""

from __future__ import annotations

import pytest

from receiver.model.errors import KafkaFenced, KafkaUnavailable
from receiver.model.records import OutboxRecord, Position
from receiver.sandbox import fakes
from receiver.sandbox.fakes import FakeClock, FakeKafka

RECORD = OutboxRecord(
    1, "event", "id-1", "0xpay", "main", "m", "exchange", "exchange", "o", "completed",
    effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=1, traceparent=None, value=b"{}",
)  # fmt: skip


def test_what_is_offered_is_there() -> None:
    """By the names that the documents give."""
    assert all(hasattr(fakes, name) for name in fakes.__all__)


def test_a_clock_stands_still_until_it_is_moved() -> None:
    """Both of its clocks together."""
    clock = FakeClock()
    before = clock.now_us(), clock.monotonic_s()
    assert (clock.now_us(), clock.monotonic_s()) == before
    clock.advance(1.5)
    assert (clock.now_us() - before[0], clock.monotonic_s() - before[1]) == (1_500_000, 1.5)


async def test_what_is_published_can_be_found_with_its_position() -> None:
    """A record that is nowhere is not found."""
    kafka = FakeKafka(topic_prefix="t.")
    publisher = kafka.publisher("j")
    await publisher.connect()
    messages = kafka.route(RECORD, "j")
    assert await kafka.find(messages, 0) == {}
    await publisher.publish(messages, Position(1, "id-1"))
    assert await kafka.find(messages, 0) == {("t.exchange.status.v1", 1): (0, 0)}
    assert (await kafka.memory("j")).position == Position(1, "id-1")
    assert (await kafka.memory("another")).position is None


async def test_a_newer_publisher_fences_only_those_of_its_journal() -> None:
    """Nothing of a fenced one is taken."""
    kafka = FakeKafka()
    old, new, other = kafka.publisher("j"), kafka.publisher("j"), kafka.publisher("k")
    for publisher in (old, other, new):
        await publisher.connect()
    with pytest.raises(KafkaFenced):
        await old.publish(kafka.route(RECORD, "j"), Position(1, "id-1"))
    assert (kafka.messages, kafka.positions) == ([], {})
    await other.publish((), Position(1, "x"))
    await new.publish((), Position(1, "y"))
    assert set(kafka.positions) == {"j", "k"}


async def test_topics_that_are_missing_are_missed_until_they_are_made() -> None:
    """And failures come one for each call, as they are put there."""
    kafka = FakeKafka(missing={"exchange.status.v1"}, fail=[KafkaUnavailable("once")])
    publisher = kafka.publisher("j")
    with pytest.raises(KafkaUnavailable, match="once"):
        await publisher.connect()
    await publisher.connect()
    assert await kafka.missing_topics() == ["exchange.status.v1"]
    with pytest.raises(KafkaUnavailable, match=r"topic exchange\.status\.v1 is missing"):
        await publisher.publish(kafka.route(RECORD, "j"), Position(1, "id-1"))
    assert ("exchange.status.v1", "created") in await kafka.create_topics()
    await publisher.probe(kafka.all_topics)
