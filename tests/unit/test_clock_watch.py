"""A jump of the wall clock is noticed and said; a slow drift is not a jump."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.backlog import BacklogAges
from receiver.clock_watch import ClockWatch
from receiver.testing import FakeClock
from tests.support import Lines


@pytest.mark.parametrize("seconds", [300, -300, 3])
def test_a_step_either_way_is_logged_once(seconds: int) -> None:
    """It turns 0xpay's callbacks into 401s, so somebody must be able to see it."""
    clock, log, jumps = FakeClock(), Lines(), []
    watch = ClockWatch(clock, log, lambda: jumps.append(1))
    clock.advance(10)
    watch.look()
    clock.us += seconds * 1_000_000
    for _ in range(3):
        watch.look()
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
        watch.look()
    assert log.lines == []


def test_an_old_backlog_warns_at_a_bounded_rate() -> None:
    """Uninterpreted or unpublished; none is no age at all."""
    clock, log = FakeClock(), Lines()

    class Stores:
        waiting = True

        def ages(self, after: int, limit: int) -> list[tuple[int, int]]:
            return [(after + 1, clock.us - 120_000_000)] if self.waiting else []

        def next_record_time(self, after: int) -> Any:
            return "2024-05-27T08:50:30.000000Z" if self.waiting else None

    stores = Stores()
    ages = BacklogAges(stores, stores, clock, 60, log)
    for _ in range(5):
        ages.look(1, 1)
    assert (ages.uninterpreted_s, ages.backlog_s) == (120.0, 180.0 + 120.0)
    assert log.named("relay.backlog") == [{"uninterpreted_s": 120, "unpublished_s": 300}]
    clock.advance(61)
    ages.look(1, 1)
    assert len(log.named("relay.backlog")) == 2
    stores.waiting = False
    ages.look(1, 1)
    assert (ages.uninterpreted_s, ages.backlog_s) == (0.0, 0.0)
