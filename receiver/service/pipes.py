"""The pipes by which one child wakes another: the supervisor's, so that they outlive both ends."""

from __future__ import annotations

import os


def wake_pipe() -> tuple[int, int]:
    """(to read, to write); neither end waits."""
    ends = os.pipe()
    for descriptor in ends:
        os.set_blocking(descriptor, False)
    return ends


def close_all(descriptors: tuple[int, ...]) -> None:
    """Give them back."""
    for descriptor in descriptors:
        os.close(descriptor)
