"""What brokers answer to one producer beside its results: how long it is to wait, and why they refuse.

The client library throws both away. A broker that holds a client to its quota answers at once, names the time that the
client is to wait (``throttle_time_ms``), and reads nothing more from that connection before. The client would send its
next request all the same, take the silence for a time-out, and send the same again over a new connection, for ever. And
a broker says in words why it refuses a record, of which the client keeps the code.

So every answer passes by here (``internals.listen``). Times are the event loop's, s.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition, errors

NOTHING = 0
"""The code of an answer without an error."""
TELLING = 5
"""Fields behind a partition's error code in an answer that says why in words."""
MARGIN_S = 1.0
"""A transaction must be committed so long before its time-out."""


class ThrottledTooLong(errors.KafkaError):  # type: ignore[misc]
    """A broker asks to wait for longer than the transaction may last; never sent again by the client."""

    retriable = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a broker said last of a batch for one partition that it did not take."""

    code: int
    text: str
    heard_ms: int
    """When it said so by this clock, Unix milliseconds."""

    @property
    def name(self) -> str:
        """The error's name in the client library."""
        return str(errors.for_code(self.code).__name__)


class Answers:
    """Of the brokers to one producer."""

    def __init__(self) -> None:
        self._free_at: dict[Hashable, float] = {}
        self._confirmed_at: float | None = None
        self._ends_at = math.inf
        self.refusals: dict[TopicPartition, Refusal] = {}
        """By partition, since ``begin``."""

    def begin(self, timeout_s: float = math.inf) -> None:
        """Forget refusals; what begins now must end within ``timeout_s``."""
        self.refusals.clear()
        self._ends_at = _now() + timeout_s - MARGIN_S

    def end(self) -> None:
        """No time is set any more."""
        self._ends_at = math.inf

    def throttled_s(self) -> float:
        """How long the brokers ask to wait from now on; the longest counts, whatever connection it is for."""
        return max([0.0, *(free_at - _now() for free_at in self._free_at.values())])

    def quiet_s(self) -> float:
        """How long no broker has taken a batch, the waits that they asked for apart; infinite: never yet."""
        if self._confirmed_at is None:
            return math.inf
        return max(0.0, _now() - max([self._confirmed_at, *self._free_at.values()]))

    async def until_free(self, connection: Hashable) -> None:
        """Wait as long as the broker asked for on this connection; raises ``ThrottledTooLong``."""
        free_at = self._free_at.get(connection, 0.0)
        if free_at > self._ends_at:
            raise ThrottledTooLong(f"a broker asks to wait {free_at - _now():.0f} s")
        await asyncio.sleep(max(0.0, free_at - _now()))

    def note(self, connection: Hashable, response: Any, *, produced: bool) -> None:
        """Note an answer; ``produced`` says that it is one to a request that sends records."""
        throttle_ms = getattr(response, "throttle_time_ms", 0)
        if throttle_ms > 0:
            self._free_at[connection] = _now() + throttle_ms / 1000
        for topic, partitions in response.topics if produced else ():
            for index, code, *rest in partitions:
                if code == NOTHING:
                    self._confirmed_at = _now()
                    self.refusals.pop(TopicPartition(topic, index), None)
                else:
                    self.refusals[TopicPartition(topic, index)] = Refusal(
                        code, _text(rest), time.time_ns() // 1_000_000
                    )


def _text(rest: list[Any]) -> str:
    # Since version 8 of the answer: offset, timestamp, log start, then (index, text) of records, and one text for all.
    if len(rest) < TELLING:
        return ""
    return next((str(text) for _, text in rest[3] or () if text), rest[4] or "")


def _now() -> float:
    return asyncio.get_running_loop().time()
