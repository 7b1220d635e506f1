"""Time as an argument."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time as an argument: wall clock for stamps, monotonic for waiting. Order never comes from either."""

    def now_us(self) -> int:
        """Unix time, microseconds."""

    def monotonic_s(self) -> float:
        """Seconds since some point; never jumps."""
