"""How long the oldest callback, or event, has been waiting for its next step; a long wait warns in the log."""

from __future__ import annotations

import math
from collections.abc import Callable

from receiver.model.clock import Clock
from receiver.model.log import Log


class BacklogAge:
    """The age of one process's backlog. It warns, and never refuses a callback."""

    def __init__(self, warn_s: int, clock: Clock, log: Log, event: str) -> None:
        """``event`` is the log event of the warning."""
        self._warn_s = warn_s
        self._clock = clock
        self._log = log
        self._event = event
        self._warned_s = -math.inf
        self.seconds = 0.0

    def measure(self, oldest_us: Callable[[], int | None]) -> None:
        """Measure from the time of receipt of the oldest, Unix microseconds; warn at most once in ``warn_s``."""
        since_us = oldest_us()
        self.seconds = 0.0 if since_us is None else max(0.0, (self._clock.now_us() - since_us) / 1e6)
        if self.seconds > self._warn_s < self._clock.monotonic_s() - self._warned_s:
            self._warned_s = self._clock.monotonic_s()
            self._log.warning(self._event, oldest_s=round(self.seconds))
