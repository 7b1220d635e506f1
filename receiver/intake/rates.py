"""How many callbacks a second a source may bring: off unless it is configured.

It is looked at once a callback was verified, and only for what would be stored: neither junk nor repeats can use up
what the provider's own callbacks need.
"""

from __future__ import annotations

from collections.abc import Mapping

from receiver.model.clock import Clock


class Rates:
    """One measure for each source that has a limit: it holds what a second may bring, and is filled as time goes by."""

    def __init__(self, per_s: Mapping[str, float], clock: Clock) -> None:
        """``per_s`` is source → callbacks a second, of those sources that have a limit."""
        self._per_s = dict(per_s)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        """Source → how many more it may bring, and when that was counted, monotonic s."""

    def take(self, source: str) -> bool:
        """Count one more callback of ``source``; whether it may be stored."""
        per_s = self._per_s.get(source)
        if per_s is None:
            return True
        now_s, full = self._clock.monotonic_s(), max(1.0, per_s)
        left, at_s = self._left.get(source, (full, now_s))
        left = min(full, left + (now_s - at_s) * per_s)
        allowed = left >= 1
        self._left[source] = (left - 1 if allowed else left, now_s)
        return allowed
