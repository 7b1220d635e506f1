"""How long a commit waits for others to share it: pure values that are told the time.

Each commit costs the same, however many callbacks share it. A process with time to spare commits at once; one that
computes most of the time has its callbacks waiting for that anyway, and lets some more come first. Its own computing
decides, and no rate: what is much for one machine is little for another, and one that others slow down shows it here.

Measured on such a machine, which gave a bare server 4000 new connections a second: 1750 to 2000 of ours became 2300 to
2600, with web's CPU a callback at 320 to 350 µs in the place of 470. A wait by rate alone, above 4000/s, never began.
"""

from __future__ import annotations

from collections import deque

BUSY_SHARE = 0.5
"""Of one processor's time, over the last ``RECENT`` commits, above which the process counts as busy."""
RECENT = 8
COMPANY = 24
"""Callbacks that are worth a commit; the wait is as long as so many take to come, at most ``WAIT_S_MAX``."""
WAIT_S_MAX = 0.01


class CommitDelay:
    """Decides for one writer, from how its last commits followed each other."""

    def __init__(self, now_s: float, cpu_s: float) -> None:
        """``cpu_s``: what the process has computed so far, as at each call."""
        self._taken = 0
        self._recent: deque[tuple[float, float, int]] = deque([(now_s, cpu_s, 0)], RECENT)

    def wait_s(self, waiting: int, now_s: float, cpu_s: float) -> float:
        """How long to wait before a commit for ``waiting`` callbacks begins; 0 mostly."""
        since_s, cpu_before_s, taken_before = self._recent[0]
        computed_s, came = cpu_s - cpu_before_s, self._taken - taken_before
        if waiting >= COMPANY or not came or computed_s <= BUSY_SHARE * (now_s - since_s):
            return 0.0
        return min(WAIT_S_MAX, COMPANY * (now_s - since_s) / came)

    def began(self, taken: int, now_s: float, cpu_s: float) -> None:
        """A commit for ``taken`` callbacks begins."""
        self._taken += taken
        self._recent.append((now_s, cpu_s, self._taken))
