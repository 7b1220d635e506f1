"""How far the two halves of the way are behind, in seconds: a long wait warns, and never refuses a callback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from receiver.ports import Clock


class Entries(Protocol):
    """What is asked of the inbox."""

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """(number, time of receipt in Unix microseconds) of callbacks above ``after``, ascending."""


class Records(Protocol):
    """What is asked of the outbox."""

    def next_record_time(self, after: int) -> str | None:
        """Time of receipt, RFC 3339, of the first record above ``after``."""


class BacklogAges:
    """How long the oldest callback and the oldest record have been waiting; a long wait warns, and never refuses."""

    def __init__(self, inbox: Entries, outbox: Records, clock: Clock, warn_s: int, log: Any) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._clock = clock
        self._warn_s = warn_s
        self._log = log
        self._warned_s = -math.inf
        self.uninterpreted_s = 0.0
        self.backlog_s = 0.0

    def look(self, interpreted: int, published: int) -> None:
        """Measure, and warn at most once in ``warn_s``."""
        now_us = self._clock.now_us()
        oldest = self._inbox.ages(interpreted, 1)
        self.uninterpreted_s = max(0.0, (now_us - oldest[0][1]) / 1e6) if oldest else 0.0
        waiting = self._outbox.next_record_time(published)
        self.backlog_s = max(0.0, now_us / 1e6 - datetime.fromisoformat(waiting).timestamp()) if waiting else 0.0
        if max(self.uninterpreted_s, self.backlog_s) > self._warn_s < self._clock.monotonic_s() - self._warned_s:
            self._warned_s = self._clock.monotonic_s()
            self._log.warning(
                "relay.backlog", uninterpreted_s=round(self.uninterpreted_s), unpublished_s=round(self.backlog_s)
            )
