"""How one process wakes another: by a real pipe, soon, and not for each callback."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator

import pytest

from receiver.service.child import WAKE_S, _waker


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its two ends; neither waits."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        os.close(end)


def woken(end: int) -> int:
    """How often, since it was asked last."""
    with contextlib.suppress(BlockingIOError):
        return len(os.read(end, 65536))
    return 0


async def test_the_first_wake_comes_at_once_and_the_last_is_not_lost(pipe: tuple[int, int]) -> None:
    """What comes right after a wake is told a little later, once."""
    wake = _waker(pipe[1])
    wake()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert woken(pipe[0]) == 1
    for _ in range(100):
        wake()
    await asyncio.sleep(WAKE_S * 4)
    assert woken(pipe[0]) == 1


async def test_a_stream_of_callbacks_wakes_now_and_then(pipe: tuple[int, int]) -> None:
    """However many there are."""
    wake = _waker(pipe[1])
    loop = asyncio.get_running_loop()
    since = loop.time()
    while loop.time() < since + WAKE_S * 20:
        wake()
        await asyncio.sleep(0)
    elapsed_s = loop.time() - since
    assert 2 <= woken(pipe[0]) <= elapsed_s / WAKE_S + 2
