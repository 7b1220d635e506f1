"""A jump of the wall clock is noticed and said; a slow drift is not a jump."""

from __future__ import annotations

import pytest

from receiver.intake.clock_watch import ClockWatch
from receiver.sandbox.fakes import FakeClock
from tests.support import Lines


@pytest.mark.parametrize("seconds", [300, -300, 3])
def test_a_step_either_way_is_logged_once(seconds: int) -> None:
    """It turns 0xpay's callbacks into 401s, so somebody must be able to see it."""
    clock, log, jumps = FakeClock(), Lines(), []
    watch = ClockWatch(clock, log, lambda: jumps.append(1))
    clock.advance(10)
    watch.check()
    clock.us += seconds * 1_000_000
    for _ in range(3):
        watch.check()
        clock.advance(1)
    assert log.named("clock.jumped") == [{"seconds": float(seconds)}]
    assert (watch.jumps, jumps) == (1, [1])


def test_a_drift_is_no_jump() -> None:
    """Half a second a look, for a minute."""
    clock, log = FakeClock(), Lines()
    watch = ClockWatch(clock, log, lambda: None)
    for _ in range(60):
        clock.advance(1)
        clock.us += 500_000
        watch.check()
    assert log.lines == []
