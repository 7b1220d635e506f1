"""A jump of the wall clock is noticed and said; a slow drift is not a jump."""

from __future__ import annotations

import pytest

from receiver.intake.clock_watch import ClockWatch
from receiver.journal.backlog import BacklogAge
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


def test_an_old_backlog_warns_at_a_bounded_rate() -> None:
    """None waiting is no age at all."""
    clock, log = FakeClock(), Lines()
    age = BacklogAge(60, clock, log, "publish.backlog")
    since_us = clock.us - 300_000_000
    for _ in range(5):
        age.measure(lambda: since_us)
    assert age.seconds == 300.0
    assert log.named("publish.backlog") == [{"oldest_s": 300}]
    clock.advance(61)
    age.measure(lambda: since_us)
    assert len(log.named("publish.backlog")) == 2
    age.measure(lambda: None)
    assert age.seconds == 0.0
