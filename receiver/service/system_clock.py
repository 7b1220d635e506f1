"""The system's clock."""

from __future__ import annotations

import time


class SystemClock:
    """``ports.Clock``."""

    def now_us(self) -> int:
        """Unix time, microseconds."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
