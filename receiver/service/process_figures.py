"""What the system counts of a process: time at the processor, memory, open files. Read from ``/proc`` when asked for.

The names and units are those that Prometheus' client libraries give to their own process.
Source: Prometheus, "Writing client libraries", process metrics; proc(5). Looked up 2026-11.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
USER_TICKS, SYSTEM_TICKS, RESIDENT_PAGES = 11, 12, 21
"""Fields of ``/proc/PID/stat``, counted from the one after the program's name."""


class Figures(NamedTuple):
    """Of one process."""

    cpu_s: float
    resident_bytes: int
    open_fds: int
    max_fds: int | None
    """None where there is no limit."""


def figures(pid: int) -> Figures | None:
    """Read those of one process; None where it is not there, is not ours to read, or the system has no ``/proc``."""
    place = Path(f"/proc/{pid}")
    try:
        # The name stands in brackets, and may hold anything, brackets and spaces too.
        fields = (place / "stat").read_bytes().rpartition(b") ")[2].split()
        open_fds = len(os.listdir(place / "fd"))  # noqa: PTH208  only how many
        limits = (place / "limits").read_text().splitlines()
    except (OSError, ValueError):
        return None
    max_fds = next((line.split()[3] for line in limits if line.startswith("Max open files")), "unlimited")
    return Figures(
        (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS_PER_S,
        int(fields[RESIDENT_PAGES]) * PAGE_BYTES,
        open_fds,
        int(max_fds) if max_fds.isdecimal() else None,
    )
