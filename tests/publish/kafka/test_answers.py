"""What brokers say beside results: waits that they ask for, and why they refuse."""

from __future__ import annotations

import asyncio
import math
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from receiver.publish.kafka.answers import MARGIN_S, Answers, ThrottledTooLong

HERE, THERE = (1, "default"), (1, "coordination")
CLOCK_S = 0.01
"""How much too early a timer of the loop may end."""


def produced(*partitions: tuple[Any, ...], throttle_ms: int = 0) -> Any:
    """An answer to a request that sends records to topic ``a``."""
    return SimpleNamespace(topics=[("a", list(partitions))], throttle_time_ms=throttle_ms)


async def test_the_wait_that_a_broker_asks_for_is_waited_on_its_own_connection() -> None:
    """Another connection goes on: transactions are ended on one that carries no records."""
    answers = Answers()
    answers.note(HERE, produced((0, 0, 5, -1, 0), throttle_ms=3_600_000), produced=True)
    assert 3500 < answers.throttled_s() <= 3600
    await asyncio.wait_for(answers.until_free(THERE), 60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answers.until_free(HERE), 0.05)
    answers, noted_s = Answers(), time.monotonic()
    answers.note(HERE, produced((0, 0, 5, -1, 0), throttle_ms=50), produced=True)
    await asyncio.wait_for(answers.until_free(HERE), 60)
    assert time.monotonic() - noted_s >= 0.05 - CLOCK_S
    await asyncio.sleep(CLOCK_S)
    assert answers.throttled_s() == 0


async def test_a_wait_that_does_not_fit_into_the_transaction_is_not_begun() -> None:
    """It would be over before its time; without a transaction any wait is waited."""
    answers = Answers()
    answers.begin(2 + MARGIN_S)
    answers.note(HERE, produced((0, 0, 5, -1, 0), throttle_ms=2500), produced=True)
    with pytest.raises(ThrottledTooLong, match="asks to wait 2 s"):
        await answers.until_free(HERE)
    assert not ThrottledTooLong.retriable
    answers.end()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answers.until_free(HERE), 0.01)


async def test_silence_is_counted_from_the_last_batch_taken_and_waits_do_not_count() -> None:
    """Answers that are errors are no sign that anything goes through."""
    answers = Answers()
    assert answers.quiet_s() == math.inf
    answers.note(HERE, produced((0, 19, -1, -1, 0)), produced=True)
    assert answers.quiet_s() == math.inf
    before_s = time.monotonic()
    answers.note(HERE, produced((0, 0, 5, -1, 0)), produced=True)
    await asyncio.sleep(0.05)
    answers.note(HERE, produced((1, 19, -1, -1, 0)), produced=True)
    assert 0.05 - CLOCK_S <= answers.quiet_s() <= time.monotonic() - before_s
    answers.note(HERE, SimpleNamespace(throttle_time_ms=60_000), produced=False)
    assert answers.quiet_s() == 0


async def test_why_a_broker_refuses_is_kept_until_it_takes_the_batch() -> None:
    """A record's text before the batch's; older brokers give none."""
    answers = Answers()
    answers.note(
        HERE,
        produced((0, 32, -1, -1, 0, [(3, None), (4, "out of range")], "rejected"), (1, 87, -1, -1, 0, None, "no key")),
        produced=True,
    )
    answers.note(HERE, produced((2, 29, -1, -1, 0)), produced=True)
    refusals = answers.refusals
    assert [(one.partition, two.code, two.text) for one, two in refusals.items()] == [
        (0, 32, "out of range"), (1, 87, "no key"), (2, 29, "")
    ]  # fmt: skip
    assert refusals[TopicPartition("a", 2)].name == "TopicAuthorizationFailedError"
    answers.note(HERE, produced((1, 0, 7, -1, 0, [], None)), produced=True)
    assert TopicPartition("a", 1) not in answers.refusals
    answers.begin()
    assert answers.refusals == {}


async def test_an_answer_that_asks_for_nothing_changes_nothing() -> None:
    """Some have no such field."""
    answers = Answers()
    answers.note(HERE, SimpleNamespace(), produced=False)
    assert answers.throttled_s() == 0
