"""How fast a broker's quota lets records go out: found out from the waits that it asks for, and kept to. Pure.

A broker looks back over a window of some ten seconds, and asks for just the wait after which the average is the quota
again. Whoever only waits when asked sends all that the quota allows in one burst, and then nothing for many seconds. So
the quota is worked out from each wait, and what goes out is spread evenly. It is tried ever again whether more is
allowed by now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

WINDOW_S = 10.0
"""That brokers look back over, unless configured (``quota.window.num``, one second each)."""
GROWTH = 1.1
"""Of the pace after each transaction for which no wait was asked: so little too much costs little to wait."""
FREE_BYTES_PER_S = 64 * 1024 * 1024
"""A pace above this is none: no quota holds the relay back."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What may go out, in bytes of values per second; infinite where no wait was asked for."""

    bytes_per_s: float = math.inf
    sent: tuple[tuple[float, int], ...] = ()
    """(When, how many bytes) of what was confirmed within the window, oldest first."""

    def confirmed(self, now_s: float, size: int, asked_s: float) -> Pace:
        """What follows a transaction of ``size`` bytes, after which the brokers asked to wait ``asked_s``."""
        sent = (*(one for one in self.sent if one[0] > now_s - WINDOW_S), (now_s, size))
        if asked_s > 0:
            return Pace(max(1.0, sum(size for _, size in sent) / (WINDOW_S + asked_s)), sent)
        grown = self.bytes_per_s * GROWTH
        return Pace(grown if grown < FREE_BYTES_PER_S else math.inf, sent)

    def lasts_s(self, size: int) -> float:
        """How long, s, so many bytes take at this pace."""
        return size / self.bytes_per_s
