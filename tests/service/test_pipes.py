"""Pipes that wake: nobody waits at either end."""

from __future__ import annotations

import os

import pytest

from receiver.service.pipes import close_all, wake_pipe


def test_a_wake_goes_through_and_nobody_waits() -> None:
    """Neither for one to read, nor for room to write."""
    ends = read, write = wake_pipe()
    with pytest.raises(BlockingIOError):
        os.read(read, 1)
    os.write(write, b"w")
    assert os.read(read, 10) == b"w"
    with pytest.raises(BlockingIOError):
        for _ in range(1000):
            os.write(write, bytes(65536))
    close_all(ends)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.read(read, 1)
