"""How far a half of the way is behind, in seconds: a long wait warns, and never refuses a callback."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from receiver.model.clock import Clock


class Waiting:
    """How long the oldest one has been waiting; a long wait warns, and never refuses."""

    def __init__(self, warn_s: int, clock: Clock, log: Any, field: str) -> None:
        self._warn_s = warn_s
        self._clock = clock
        self._log = log
        self._field = field
        self._warned_s = -math.inf
        self.seconds = 0.0

    def look(self, oldest_us: Callable[[], int | None]) -> None:
        """Measure from the time of receipt of the oldest, Unix microseconds; warn at most once in ``warn_s``."""
        since_us = oldest_us()
        self.seconds = 0.0 if since_us is None else max(0.0, (self._clock.now_us() - since_us) / 1e6)
        if self.seconds > self._warn_s < self._clock.monotonic_s() - self._warned_s:
            self._warned_s = self._clock.monotonic_s()
            self._log.warning("relay.backlog", **{self._field: round(self.seconds)})
