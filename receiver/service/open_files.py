"""How many files, and so connections, a process may have open.

The soft limit is 1024 on most systems, for the sake of programs that use ``select``; who does not may raise it to the
hard one (systemd's advice to daemons), which is half a million there.
"""

from __future__ import annotations

import contextlib
import resource


def raise_open_files() -> int:
    """Raise this process's soft limit of open files to the hard one; gives the limit that then holds.

    Children that are started afterwards have it too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems call a hard limit "none" and refuse a soft one above their own.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if now == resource.RLIM_INFINITY else now


UNLIMITED = 2**31
"""What is said where there is no limit."""
