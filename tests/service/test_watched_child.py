"""One kind of child: started again whatever happens, told what to do over its link, and never given up for nothing."""

from __future__ import annotations

import asyncio
import errno
import sys
from typing import Any

import pytest

from receiver.journal.slots import HeldSlot
from receiver.service import watched_child
from receiver.service.watched_child import Child
from tests.support import Lines

OBEDIENT = """
import json, os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGTERM])
link = socket.socket(fileno=json.loads(sys.argv[-1])["link"])
for order in link.makefile("rb"):
    if order == b"stop\\n":
        sys.exit(0)
    link.send(json.dumps({"status": {"told": order.decode()}, "metrics": "", "lines_lost": 2}).encode() + b"\\n")
"""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What the supervisor says; its children only listen to their link."""

    def command(role: str, descriptors: Any, _held: Any) -> list[str]:
        return [sys.executable, "-c", OBEDIENT, role, f'{{"link": {descriptors["link"]}}}']

    monkeypatch.setattr(watched_child, "command", command)
    return Lines()


async def named(log: Lines, event: str, count: int = 1) -> None:
    """Wait for lines of one name."""
    async with asyncio.timeout(10):
        while len(log.named(event)) < count:
            await asyncio.sleep(0.01)


async def test_it_is_told_over_its_link(log: Lines) -> None:
    """To read the secrets again, and to end."""
    child = Child("interpret", {}, log)
    running = asyncio.create_task(child.run())
    await named(log, "serve.child_started")
    child.reload()
    async with asyncio.timeout(10):
        while (report := child.report()) is None:
            await asyncio.sleep(0.01)
    assert report.status == {"told": "reload\n"}
    await child.stop(10)
    await running
    assert child.lines_lost() == 2  # also of one that has ended
    assert [event for _, event, _ in log.lines] == ["serve.child_started"]
    child.reload()  # nobody is there, which is nothing


async def test_one_that_is_stopped_while_it_starts_ends_too(log: Lines) -> None:
    """Whether its process is there yet or not."""
    child = Child("interpret", {}, log)
    running = asyncio.create_task(child.run())
    await asyncio.sleep(0)
    await child.stop(10)
    await running
    assert log.named("serve.child_died") == []
    assert log.named("serve.child_killed") == []


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "Too many open files"), BlockingIOError(errno.EAGAIN, "no"), RuntimeError("thread")]
)
async def test_a_machine_that_has_no_process_left_is_waited_for(
    error: Exception, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far longer than a child may die: it is nobody's fault here, and it passes."""
    monkeypatch.setattr(watched_child, "BACKOFF_MAX_S", 0.001)
    start, refusals = asyncio.create_subprocess_exec, 3 * watched_child.DEATHS_MAX

    async def refused(*arguments: Any, **options: Any) -> Any:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise error
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    child = Child("interpret", {}, log)
    running = asyncio.create_task(child.run())
    await named(log, "serve.child_started")
    assert len(log.named("serve.child_not_started")) == 3 * watched_child.DEATHS_MAX
    assert child.restarts == 0
    await child.stop(10)
    await running


async def test_one_that_is_killed_ends_at_once_and_is_not_started_again(log: Lines) -> None:
    """Whatever it is at, also while it is only being started; several of a role are told apart by their number."""
    for waited in (True, False):
        child = Child("publish", {}, log, held=HeldSlot(3, 7))
        running = asyncio.create_task(child.run())
        await (named(log, "serve.child_started") if waited else asyncio.sleep(0))
        await child.kill()
        await asyncio.wait_for(running, 10)
        assert (child.name, child.restarts) == ("publish.3", 0)
    assert {line["role"] for line in log.named("serve.child_started")} == {"publish.3"}
    assert log.named("serve.child_died") == []
