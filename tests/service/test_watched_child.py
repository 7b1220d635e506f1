"""One kind of child: started again whatever happens, told what to do over its link, and never given up for nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
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
    async with asyncio.timeout(60):
        while len(log.named(event)) < count:
            await asyncio.sleep(0.01)


async def test_it_is_told_over_its_link(log: Lines) -> None:
    """To read the secrets again, and to end."""
    child = Child("interpret", {}, log)
    running = asyncio.create_task(child.run())
    await named(log, "serve.child_started")
    child.reload()
    async with asyncio.timeout(60):
        while (report := child.report()) is None:
            await asyncio.sleep(0.01)
    assert report.status == {"told": "reload\n"}
    await child.stop(10)
    await running
    assert child.lines_lost() == 2  # also of one that has ended
    assert [event for _, event, _ in log.lines] == ["serve.child_started"]
    child.reload()  # nobody is there, which is nothing


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="there are no real-time signals here")
async def test_one_that_dies_of_a_signal_without_a_name_is_started_again(log: Lines) -> None:
    """It ended the whole service once: Python has names for the first and the last of the real-time signals alone."""
    child = Child("interpret", {}, log)
    running = asyncio.create_task(child.run())
    await named(log, "serve.child_started")
    os.kill(int(log.named("serve.child_started")[0]["pid"]), signal.SIGRTMIN + 3)
    await named(log, "serve.child_started", 2)
    assert log.named("serve.child_died")[0]["signal"] == str(signal.SIGRTMIN + 3)
    await child.stop(10)
    await running


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
        await asyncio.wait_for(running, 60)
        assert (child.name, child.restarts) == ("publish.3", 0)
    assert {line["role"] for line in log.named("serve.child_started")} == {"publish.3"}
    assert log.named("serve.child_died") == []


async def test_one_of_a_slot_that_is_not_heard_is_killed_and_started_again(
    log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or its slot would stand still for as long as its supervisor lives, which keeps it."""
    monkeypatch.setattr(watched_child, "HUNG_LOOK_S", 0.01)
    died: list[int] = []
    child = Child("interpret", {}, log, died.append, held=HeldSlot(1, 7))
    running = asyncio.create_task(child.run())
    await named(log, "serve.child_started", 2)
    assert log.named("serve.child_hung")[0] == {"role": "interpret.1", "silent_s": 0.04}
    assert log.named("serve.child_died")[0] == {"role": "interpret.1", "signal": "SIGKILL", "restarts": 1}
    assert died[0] == -9
    await child.kill()
    await running


async def test_one_that_has_no_slot_is_left_alone(log: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds nothing that another could have, and a journal in a folder has nobody else."""
    monkeypatch.setattr(watched_child, "HUNG_LOOK_S", 0.0)
    alone, of_slot = Child("interpret", {}, log), Child("interpret", {}, log, held=HeldSlot(1, 7))
    running = asyncio.create_task(alone.run())
    await named(log, "serve.child_started")
    also = asyncio.create_task(of_slot.run())
    await named(log, "serve.child_hung")  # by now it would have been, too
    await alone.stop(10)
    await of_slot.kill()
    await asyncio.gather(running, also)
    assert {line["role"] for line in log.named("serve.child_hung")} == {"interpret.1"}
    assert alone.restarts == 0


def test_every_word_counts_as_heard_and_only_a_state_as_a_report(log: Lines) -> None:
    """So a child whose database is away is down and does not hang, however long that takes."""
    child = Child("publish", {}, log, held=HeldSlot(1, 7))
    for _ in range(3 * watched_child.HUNG_LOOKS):
        assert not child._hangs()
        child._hear(b'{"status": null}')
        assert child.report() is None
    child._hear(b'{"status": {"state": "up"}, "metrics": "", "lines_lost": 0}')
    assert [child._hangs() for _ in range(watched_child.HUNG_LOOKS + 1)] == [False] * watched_child.HUNG_LOOKS + [True]
    report = child.report()
    assert report is not None
    assert report.status == {"state": "up"}
