"""The clock that every process has."""

from __future__ import annotations

import time

from receiver.model.clock import Clock
from receiver.service.system_clock import SystemClock

CLOCK: Clock = SystemClock()


def test_it_is_the_machines_own() -> None:
    """Unix microseconds, whole ones; and seconds that never go back."""
    before_s, now_us, after_s = time.time(), CLOCK.now_us(), time.time()
    assert isinstance(now_us, int)
    assert int(before_s * 1e6) - 1 <= now_us <= int(after_s * 1e6) + 1
    before_s, now_s, after_s = time.monotonic(), CLOCK.monotonic_s(), time.monotonic()
    assert before_s <= now_s <= after_s
