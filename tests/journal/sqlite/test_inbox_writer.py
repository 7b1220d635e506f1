"""When the inbox begins a commit: on real files, by the turns of a real event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite import inbox_writer as sqlite_inbox
from receiver.journal.sqlite.inbox_writer import BATCH_AT_ONCE, QUIET_TURNS, SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[SqliteInbox]:
    """An inbox of its own."""
    open_journal(tmp_path / "journal")
    inbox = SqliteInbox(tmp_path / "journal", InboxLimits())
    yield inbox
    await asyncio.to_thread(inbox.close)


async def append_after(inbox: SqliteInbox, turns: int) -> int:
    """Append one callback after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await inbox.append(VerifiedCallback("main", 1, (), b"{}"))


class Bell(SimpleQueue[None]):
    """The inbox's, which counts how often it was rung."""

    rung = 0

    def __init__(self) -> None:
        self.waited_at = threading.Event()

    def get(self, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        """Wait for a ring."""
        self.waited_at.set()
        super().get(block, timeout)

    def put(self, item: None, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        """Ring."""
        self.rung += 1
        super().put(item, block, timeout)


@pytest.fixture
def bell(inbox: SqliteInbox) -> Bell:
    """In the place of the inbox's own, at which its writer waits no longer."""
    bell = Bell()
    before, inbox._bell = inbox._bell, bell
    before.put(None)
    # A writer that comes here late would take what the test appends, unasked.
    assert bell.waited_at.wait(5)
    return bell


async def rung_within(bell: Bell, turns: int, times: int = 1) -> bool:
    """Whether it is rung so often within so many turns of the loop."""
    for _ in range(turns):
        if bell.rung >= times:
            return True
        await asyncio.sleep(0)
    return bell.rung >= times


async def test_what_comes_turn_by_turn_shares_a_commit(inbox: SqliteInbox) -> None:
    """As the requests of a loop that is busy do; each of them a commit of its own would cost more than its answer."""
    numbers = await asyncio.gather(*(append_after(inbox, turn) for turn in range(BATCH_AT_ONCE // 2)))
    assert numbers == list(range(1, BATCH_AT_ONCE // 2 + 1))
    assert inbox.commits == 1


async def test_a_pause_of_the_loop_begins_a_commit(inbox: SqliteInbox, bell: Bell) -> None:
    """A lone callback waits for nobody: it is being written after two turns without another."""
    alone = asyncio.create_task(append_after(inbox, 0))
    assert await rung_within(bell, QUIET_TURNS + 2)
    assert await alone == 1
    assert (bell.rung, inbox.commits) == (1, 1)


async def test_enough_callbacks_begin_a_commit_though_more_come_each_turn(inbox: SqliteInbox, bell: Bell) -> None:
    """Nobody waits for a pause that never is; what comes meanwhile shares the next commit."""
    count = BATCH_AT_ONCE * 3
    tasks = [asyncio.create_task(append_after(inbox, turn)) for turn in range(count)]
    assert await rung_within(bell, BATCH_AT_ONCE + 2)
    assert await asyncio.gather(*tasks) == list(range(1, count + 1))
    assert inbox.commits <= count // 4


async def test_what_comes_during_a_commit_is_in_the_next_which_needs_no_turn_of_the_loop(
    inbox: SqliteInbox, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop has said so while the disk was busy; it may be busy itself by then."""
    under_way, disk = threading.Event(), threading.Event()
    commit = inbox._commit

    def slow(callbacks: list[VerifiedCallback]) -> int:
        under_way.set()
        assert disk.wait(5)
        return commit(callbacks)

    monkeypatch.setattr(inbox, "_commit", slow)
    tasks = [asyncio.create_task(append_after(inbox, 0))]
    assert await asyncio.to_thread(under_way.wait, 5)
    tasks += [asyncio.create_task(append_after(inbox, turn)) for turn in range(5)]
    assert await rung_within(bell, 5 + QUIET_TURNS + 2, times=2)
    disk.set()
    deadline_s = time.monotonic() + 5
    while inbox.commits < 2 and time.monotonic() < deadline_s:
        time.sleep(0.01)  # noqa: ASYNC251  no turn of the loop
    assert (inbox.commits, [task.done() for task in tasks]) == (2, [False] * 6)
    assert await asyncio.gather(*tasks) == [1, 2, 3, 4, 5, 6]
    assert bell.rung == 2


async def test_more_than_a_commit_holds_is_committed_without_another_callback(
    inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody rings for what was left over."""
    monkeypatch.setattr(sqlite_inbox, "BATCH_MAX", 10)
    numbers = await asyncio.wait_for(asyncio.gather(*(append_after(inbox, 0) for _ in range(BATCH_AT_ONCE))), 60)
    assert numbers == list(range(1, BATCH_AT_ONCE + 1))
    assert inbox.commits == 5


async def test_what_waits_at_the_close_is_committed(inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """In as many commits as it takes, though nobody asked for one yet; nothing is taken any more."""
    monkeypatch.setattr(sqlite_inbox, "BATCH_MAX", 2)
    tasks = [asyncio.create_task(append_after(inbox, 0)) for _ in range(5)]
    await asyncio.sleep(0)
    inbox.close()
    with pytest.raises(Unavailable):
        await append_after(inbox, 0)
    assert await asyncio.wait_for(asyncio.gather(*tasks), 60) == [1, 2, 3, 4, 5]


async def test_a_purge_alone_begins_a_commit_too(inbox: SqliteInbox) -> None:
    """And what comes with it is kept."""
    first = await append_after(inbox, 0)
    await asyncio.wait_for(inbox.purge([first]), 60)
    _, second = await asyncio.gather(inbox.purge([first]), append_after(inbox, 0))
    assert second == first + 1


async def test_callers_are_answered_before_the_wal_is_tended(
    inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed by then; what follows takes as long as the disk likes."""
    tended = asyncio.Event()
    loop = asyncio.get_running_loop()
    answered: list[bool] = []
    task = asyncio.create_task(append_after(inbox, 0))

    def tend() -> None:
        asyncio.run_coroutine_threadsafe(note(), loop).result(5)

    async def note() -> None:
        await asyncio.sleep(0.05)
        answered.append(task.done())
        tended.set()

    monkeypatch.setattr(inbox, "_tend_wal", tend)
    assert await asyncio.wait_for(task, 60) == 1
    await asyncio.wait_for(tended.wait(), 60)
    assert answered == [True]


async def test_callers_are_answered_before_a_purge(inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shares the writer with them, and can take as long as a chunk takes."""
    loop = asyncio.get_running_loop()
    seen: list[bool] = []
    purge = inbox._purge

    async def look() -> None:
        await asyncio.sleep(0.05)
        seen.append(task.done())

    def slow(numbers: Sequence[int], future: asyncio.Future[None]) -> Callable[[], None]:
        asyncio.run_coroutine_threadsafe(look(), loop).result(5)
        return purge(numbers, future)

    monkeypatch.setattr(inbox, "_purge", slow)
    task = asyncio.create_task(append_after(inbox, 0))
    await asyncio.wait_for(inbox.purge([1]), 60)
    assert seen == [True]
