"""What is asked of the kernel's scheduler, on the real one."""

from __future__ import annotations

import json
import subprocess
import sys

ASK = """
import ctypes, json, os, platform, sys
from receiver.service.time_slice import ATTRIBUTES, SCHED_SETATTR, set_time_slice

def slice_ns():
    said = ctypes.create_string_buffer(ATTRIBUTES.size)
    getter = SCHED_SETATTR.get(platform.machine(), 0) + 1
    ctypes.CDLL(None).syscall(getter, 0, said, ATTRIBUTES.size, 0)
    return ATTRIBUTES.unpack(said.raw)[5]

wanted = min(19, os.nice(0) + 3)  # a run that is nice already cannot be much nicer
os.nice(3)
if "batch" in sys.argv:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
before = slice_ns()
taken = set_time_slice(0.0003)
print(json.dumps([before, taken, slice_ns(), os.nice(0) - wanted, os.sched_getscheduler(0)]))
"""


def asked(*arguments: str) -> list[int]:
    """In a process of its own: turn before, whether it was taken, turn after, how far niceness is off, policy."""
    command = [sys.executable, "-c", ASK, *arguments]
    return list(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout))


def test_a_turn_is_shortened_where_the_kernel_knows_how_and_nothing_else_changes() -> None:
    """A kernel that does not say how long a turn is does not change it either."""
    before, taken, after, nice, policy = asked()
    assert (nice, policy) == (0, 0)
    assert after == (300_000 if before and taken else before)


def test_another_policy_is_left_alone() -> None:
    """Somebody chose it."""
    before, taken, after, nice, policy = asked("batch")
    assert (bool(taken), after, nice, policy) == (False, before, 0, 3)
