"""No core dumps: the memory of a process holds every secret that it was given, and bodies in the clear.

The limit alone is not enough: a system that hands cores to a program (systemd-coredump, apport) does so whatever the
limit, see core(5). So, on Linux, a core would have no page of memory in it either.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
from collections.abc import Mapping
from pathlib import Path

from receiver.service.config.settings import CORE_DUMPS_VARIABLE

ALLOW = "allow"
"""For whoever looks into a crash of an interpreter or a library, on a machine without real data."""
FILTER = Path("/proc/self/coredump_filter")
"""Which kinds of memory stand in a core, a bit each."""
PR_SET_DUMPABLE = 4


def forbid_core_dumps(environ: Mapping[str, str]) -> bool:
    """Have no core of this process written, nor any memory in one; whether it was asked to. Children have it too."""
    if environ.get(CORE_DUMPS_VARIABLE) == ALLOW:
        return False
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # not Linux, or no /proc
        FILTER.write_text("0")
    return True


def hide_memory(environ: Mapping[str, str]) -> None:
    """Let no other process of our user read the memory of this one (Linux).

    For the supervisor, whose environment holds all secrets. Not for its children: it asks ``/proc`` how many files
    each has open, which only root may after this.
    """
    if environ.get(CORE_DUMPS_VARIABLE) != ALLOW:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
