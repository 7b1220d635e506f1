"""The age of a backlog: what waits for too long is said, and not at every look."""

from __future__ import annotations

from receiver.journal.backlog import BacklogAge
from receiver.sandbox.fakes import FakeClock
from tests.support import Lines


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


def test_a_backlog_that_is_young_enough_is_only_measured() -> None:
    """At the limit it is still young."""
    clock, log = FakeClock(), Lines()
    clock.advance(1000)
    age = BacklogAge(60, clock, log, "interpret.backlog")
    age.measure(lambda: clock.us - 60_000_000)
    assert age.seconds == 60.0
    age.measure(lambda: clock.us - 60_500_000)
    assert log.named("interpret.backlog") == [{"oldest_s": 60}]


def test_a_callback_from_the_future_has_no_age() -> None:
    """The clock was set back since."""
    clock, log = FakeClock(), Lines()
    age = BacklogAge(60, clock, log, "interpret.backlog")
    age.measure(lambda: clock.us + 5_000_000)
    assert (age.seconds, log.lines) == (0.0, [])
