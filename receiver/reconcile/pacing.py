"""How fast, how often again, and when to leave an API alone: pure values that are told the time."""

from __future__ import annotations

ATTEMPTS_MAX = 3
"""Of one call, each signed anew."""
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.5, 30.0
RETRY_AFTER_MAX_S = 300.0
"""However long a provider asks us to wait."""
FAILURES_MAX = 5
"""In a row, after which the circuit opens."""
OPEN_MIN_S, OPEN_MAX_S = 15.0, 600.0
"""How long it stays open: doubled each time the one call that tries fails too."""


def backoff_s(attempt: int, chance: float) -> float:
    """Before the attempt after the ``attempt``-th, which counts from 1: exponential, half by ``chance``, 0 to 1."""
    full_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** (attempt - 1))
    return full_s * (0.5 + chance / 2)


class Limiter:
    """At most so many calls a second, evenly spaced."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s
        self._next_s = float("-inf")

    def wait_s(self, now_s: float) -> float:
        """How long the next call must wait; it is counted."""
        at_s = max(now_s, self._next_s)
        self._next_s = at_s + self._gap_s
        return at_s - now_s

    def pause(self, until_s: float) -> None:
        """No call before this time."""
        self._next_s = max(self._next_s, until_s)


class Breaker:
    """Leaves an API alone that failed several times in a row, and lets one call try now and then."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_s = OPEN_MIN_S
        self._until_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._until_s is not None

    def allows(self, now_s: float) -> bool:
        """Whether a call may be made now."""
        return self._until_s is None or now_s >= self._until_s

    def succeeded(self) -> None:
        """An answer came."""
        self._failures, self._open_s, self._until_s = 0, OPEN_MIN_S, None

    def failed(self, now_s: float) -> None:
        """None came, or none of use."""
        self._failures += 1
        if self._until_s is not None:
            self._open_s = min(OPEN_MAX_S, self._open_s * 2)
        if self._failures >= FAILURES_MAX:
            self._until_s = now_s + self._open_s
