"""How one process wakes another: by a real pipe, soon, and not for each callback; and how a child starts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest

from receiver.model.errors import JournalError, StoreFailed
from receiver.service.child import WAKE_S, _reporter, _waker
from tests.support import Lines


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
    count = 0
    while count < 2 or loop.time() < since + WAKE_S * 20:
        wake()
        await asyncio.sleep(0)
        count += woken(pipe[0])
    assert count <= (loop.time() - since) / WAKE_S + 2


class Part:
    """A process's part that asks its journal how it stands."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None

    def status(self) -> dict[str, Any]:
        """As a part has it."""
        if self.trouble is not None:
            raise self.trouble
        return {"state": "up"}

    def metrics(self) -> bytes:
        """As a part has it."""
        return b"figures 1\n"


def test_a_state_that_nobody_could_ask_for_is_logged_once_for_each_time() -> None:
    """Meanwhile it only says that it lives, and so counts as down; an error of ours is not hidden."""
    part, log = Part(), Lines()
    report = _reporter(cast("Any", part), log, "publish")
    said = orjson.loads(report())
    assert (said["status"], said["metrics"]) == ({"state": "up"}, "figures 1\n")
    for trouble in (StoreFailed("outbox: the database is away"), JournalError("there is no journal")):
        part.trouble = trouble
        assert [orjson.loads(report()) for _ in range(3)] == [{"status": None}] * 3
        part.trouble = None
        assert report().endswith(b"\n")
    assert log.lines == [
        ("warning", "serve.state_unknown", {"role": "publish", "why": "outbox: the database is away"}),
        ("warning", "serve.state_unknown", {"role": "publish", "why": "there is no journal"}),
    ]
    part.trouble = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        report()


COLLECTOR = """
import asyncio, gc, runpy, sys
from unittest.mock import MagicMock
from receiver.service import passed_on, process
on = [gc.isenabled()]
passed_on.read_passed_on = lambda *_: (None, None)
process.make_process = lambda *_: on.append(gc.isenabled())
asyncio.Runner = MagicMock()
asyncio.Runner().__enter__().run = lambda coroutine: (coroutine.close(), on.append(gc.isenabled()))
sys.argv = ["child", "intake", '{"configuration": 0}']
try:
    runpy.run_module("receiver.service.child", run_name="__main__")
finally:
    print(on)
"""


def test_the_collector_is_off_until_a_child_runs() -> None:
    """It would look again and again through what is read at a start; a program that only reads the module keeps its."""
    done = subprocess.run([sys.executable, "-c", COLLECTOR], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[True, False, True]\n"), done.stderr
    program = "import gc, receiver.service.child; print(gc.isenabled())"
    read = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert read.stdout == "True\n"
