"""A limit on the work that a batch may take: past it the process dies, and ``poison`` finds the callback.

What is measured is work, the processor time of this process outside the kernel, and never the time on a clock: a disk
that stalls, a machine that is busy with others, a process that is stopped and a virtual machine that is put to sleep
take none of it, and no callback is blamed for them. It is the kernel that measures and ends the process. A thread of
ours could not: a pattern that goes back for ever, or any other native code, holds the interpreter lock all the while.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

CPU_MAX_S = 5.0
"""Of processor time, for one go through a batch. A full one, eight megabytes of the worst bodies, takes a quarter of
it; where a slow machine takes more, its callbacks are taken one by one, and each of them is far below."""
EXPIRED = signal.SIGVTALRM
"""What ends the process then. It has no handler: nothing of ours needs to run, since nothing of ours can."""


@contextmanager
def limited(cpu_max_s: float = CPU_MAX_S) -> Iterator[None]:
    """Let the body take ``cpu_max_s`` of processor time, and have the process end where it takes more.

    For a process that does little beside: what its other threads work meanwhile counts too. To be put around what only
    computes, so that nothing can make it wait.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_max_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
