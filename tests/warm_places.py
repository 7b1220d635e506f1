"""Where a forked command runs, and with which rights: what other programs prepare for one that they start.

``setsid``, ``setpriv``, ``unshare``, ``prlimit`` and a shell's ``ulimit`` end in an ``exec``, which would cost a new
interpreter. They only ask the system for something first, and a fork can ask for the same. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNS = 0x00020000
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPABILITY_VERSION, CAPABILITY_NUMBERS = 0x20080522, 6


@dataclass(frozen=True)
class Place:
    """What is asked for; by itself nothing, so that a command runs as its parent does."""

    session: bool = False
    """At the head of a session and a process group of its own, as by ``setsid``."""
    files: Sequence[int] | None = None
    """How many files it may have open: the soft limit and the hard one, as by ``prlimit --nofile=SOFT:HARD``."""
    mounts: Sequence[str] = ()
    """Commands of a shell, in a view of the file system that nobody else sees, as by ``unshare -m``."""
    groups: Sequence[int] | None = None
    """Its supplementary groups, as by ``setpriv --groups``."""
    ordinary: bool = False
    """Root without its rights: a user like any other, who still finds an interpreter below /root.

    As by ``setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all``.
    """

    def enter(self) -> None:
        """Let this process have all of it; raises ``OSError`` where it may not."""
        if self.session:
            os.setsid()
        if self.mounts:
            folder = Path.cwd()
            _check(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS))
            subprocess.run(["sh", "-ec", "\n".join(["mount --make-rprivate /", *self.mounts])], check=True)
            os.chdir(folder)  # as it is in that view
        if self.groups is not None:
            os.setgroups(self.groups)
        if self.ordinary:
            _be_ordinary()
        if self.files is not None:
            soft, hard = self.files
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _be_ordinary() -> None:
    system = ctypes.CDLL(None, use_errno=True)
    _check(system.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _check(system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * CAPABILITY_NUMBERS)()
    _check(system.capset(header, none))


def _check(done: int) -> None:
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
