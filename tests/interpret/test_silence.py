"""A source that used to speak and is silent is noticed."""

from __future__ import annotations

from receiver.interpret.silence import SilenceWatch
from receiver.sandbox.fakes import FakeClock
from tests.support import Lines


def test_a_silent_source_warns_once_until_it_speaks_again() -> None:
    """One that never spoke, or is not configured, does not."""
    clock, log = FakeClock(), Lines()
    heard = {"main": clock.us, "gone": 0}
    silence: dict[str, float] = {}
    watch = SilenceWatch(lambda: heard, {"main": 60, "new": 60}, clock, log, silence.__setitem__)
    for _ in range(20):
        watch.check()
        clock.advance(11)
    assert log.named("source.silent") == [{"source": "main", "silent_s": 66}]
    assert set(silence) == {"main"}
    heard["main"] = clock.us
    watch.check()
    clock.advance(100)
    watch.check()
    assert len(log.named("source.silent")) == 2
