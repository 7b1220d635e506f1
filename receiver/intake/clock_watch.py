"""The wall clock, watched: order never comes from it, but freshness does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from receiver.model.clock import Clock

JUMP_S = 2.0


class ClockWatch:
    """Notices when the wall clock jumps against the monotonic one: it turns genuine callbacks into 401s."""

    def __init__(self, clock: Clock, log: Any, on_jump: Callable[[], None]) -> None:
        self._clock = clock
        self._log = log
        self._on_jump = on_jump
        self._offset_s = self._offset()
        self.jumps = 0

    def check(self) -> None:
        """Compare the two clocks; to be called about every second."""
        offset_s = self._offset()
        jump_s = offset_s - self._offset_s
        self._offset_s = offset_s
        if abs(jump_s) > JUMP_S:
            self.jumps += 1
            self._on_jump()
            self._log.warning("clock.jumped", seconds=round(jump_s, 1))

    def _offset(self) -> float:
        return self._clock.now_us() / 1e6 - self._clock.monotonic_s()
