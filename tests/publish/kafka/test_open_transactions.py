"""Which transactions are open: brokers' answers laid out by hand, and read as the client reads them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from aiokafka import TopicPartition, errors
from aiokafka.client import ConnectionGroup

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka.open_transactions import (
    Open,
    _Answer,
    _DescribeProducers,
    _Question,
    named,
    open_transactions,
    until_ended,
)

OURS, THEIRS = 4711, 4712
LEADERS = {TopicPartition("b", 0): 1, TopicPartition("a", 2): 1, TopicPartition("a", 0): 2}


def producer(producer_id: int, start: int) -> tuple[Any, ...]:
    """One producer in a partition; its transaction begins at an offset, -1 where none is open."""
    return (producer_id, 0, 5, 1_716_800_130_000, 0, start, {})


def answer(topic: str, *partitions: tuple[int, int, list[tuple[Any, ...]]]) -> bytes:
    """A broker's answer: (index, error code, producers) of some partitions of a topic."""
    rows: list[tuple[Any, ...]] = [(index, code, None, producers, {}) for index, code, producers in partitions]
    return bytes(_Answer.SCHEMA.encode((0, [(topic, rows, {})], {})))


class Brokers:
    """Answers each leader as it is told to, through the client's own reading of bytes."""

    def __init__(self, answers: dict[int, list[bytes]]) -> None:
        self.answers = answers
        self.asked: list[tuple[int, Any]] = []

    async def send(self, leader: int, request: _DescribeProducers, *, group: ConnectionGroup) -> Any:
        assert group is not ConnectionGroup.DEFAULT, "that one may be throttled"
        self.asked.append((leader, request.build(_Question).to_object()["topics"]))
        return _Answer.decode(BytesIO(self.answers[leader].pop(0)))


async def test_each_leader_is_asked_once_for_its_own_partitions() -> None:
    """All of a broker's partitions in one question, by topic."""
    brokers: Any = Brokers({1: [answer("a", (2, 0, []))], 2: [answer("a", (0, 0, []))]})
    assert await open_transactions(brokers, OURS, LEADERS) == Open()
    asked = {
        leader: {topic["name"]: topic["partition_indexes"] for topic in topics} for leader, topics in brokers.asked
    }
    assert asked == {1: {"a": [2], "b": [0]}, 2: {"a": [0]}}


async def test_only_our_own_open_transactions_are_told() -> None:
    """Not another producer's, nor one of ours that has ended."""
    brokers: Any = Brokers(
        {
            1: [answer("a", (2, 0, [producer(THEIRS, 3), producer(OURS, 17)]))],
            2: [answer("a", (0, 0, [producer(OURS, -1)]))],
        }
    )
    assert (await open_transactions(brokers, OURS, LEADERS)).starts == {TopicPartition("a", 2): 17}


async def test_what_may_not_be_looked_into_is_hidden_and_another_error_is_raised() -> None:
    """The caller says which topics it could not look into; a leader that is one no more is asked for again."""
    refused = errors.TopicAuthorizationFailedError.errno
    moved = errors.NotLeaderForPartitionError.errno
    brokers: Any = Brokers({1: [answer("b", (0, refused, []))], 2: [answer("a", (0, 0, []))]})
    assert await open_transactions(brokers, OURS, LEADERS) == Open(hidden=frozenset({"b"}))
    brokers = Brokers({1: [answer("b", (0, moved, []))], 2: [answer("a", (0, 0, []))]})
    with pytest.raises(errors.NotLeaderForPartitionError):
        await open_transactions(brokers, OURS, LEADERS)


async def test_a_broker_too_old_to_be_asked_hides_all_topics() -> None:
    """It has no such question; what it has open nobody can tell."""

    class Old:
        async def send(self, leader: int, request: object, *, group: ConnectionGroup) -> Any:
            raise errors.IncompatibleBrokerVersion("too old")

    old: Any = Old()
    assert await open_transactions(old, OURS, LEADERS) == Open(hidden=frozenset({"a", "b"}))


async def test_the_end_of_a_transaction_is_waited_for_and_not_for_ever() -> None:
    """It is asked again until it has ended; the error names where it has not."""
    there = {TopicPartition("a", 2): 1}
    still, ended = answer("a", (2, 0, [producer(OURS, 17)])), answer("a", (2, 0, [producer(OURS, -1)]))
    brokers: Any = Brokers({1: [still, still, ended]})
    await until_ended(brokers, OURS, there, 5)
    assert len(brokers.asked) == 3
    brokers = Brokers({1: [still] * 1000})
    with pytest.raises(KafkaUnavailable, match="confirmed and not ended on a-2"):
        await until_ended(brokers, OURS, there, 0.05)


def test_partitions_are_named_in_order() -> None:
    """For people."""
    assert named(LEADERS) == "a-0, a-2, b-0"
