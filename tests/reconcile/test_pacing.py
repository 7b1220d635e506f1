"""How fast an API is asked, how often again, and when it is left alone."""

from __future__ import annotations

import pytest

from receiver.reconcile.pacing import (
    BACKOFF_MAX_S,
    BACKOFF_MIN_S,
    FAILURES_MAX,
    OPEN_MAX_S,
    OPEN_MIN_S,
    Breaker,
    Limiter,
    backoff_s,
)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_backoff_doubles_within_limits_and_leaves_half_to_chance(chance: float) -> None:
    """Never nothing, never for ever."""
    waits = [backoff_s(attempt, chance) for attempt in range(1, 40)]
    assert waits[0] == BACKOFF_MIN_S * (0.5 + chance / 2)
    assert waits[1] == 2 * waits[0]
    assert max(waits) == BACKOFF_MAX_S * (0.5 + chance / 2)


def test_the_limiter_spaces_calls_evenly() -> None:
    """No burst after a pause either."""
    limiter = Limiter(4)
    assert [limiter.wait_s(10.0) for _ in range(3)] == [0, 0.25, 0.5]
    assert [limiter.wait_s(100.0) for _ in range(2)] == [0, 0.25]
    limiter.pause(200.0)
    assert limiter.wait_s(101.0) == 99


def test_the_breaker_opens_after_failures_in_a_row_and_for_longer_each_time() -> None:
    """One call is let through when it has waited; an answer closes it for good."""
    breaker = Breaker()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(0.0)
        assert breaker.allows(0.0)
    breaker.succeeded()
    for _ in range(FAILURES_MAX):
        assert breaker.allows(0.0)
        breaker.failed(0.0)
    now_s, open_s = 0.0, OPEN_MIN_S
    for _ in range(10):
        assert breaker.is_open
        assert not breaker.allows(now_s + open_s - 0.001)
        now_s += open_s
        assert breaker.allows(now_s)
        breaker.failed(now_s)
        open_s = min(OPEN_MAX_S, open_s * 2)
    assert open_s == OPEN_MAX_S
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.allows(now_s)
