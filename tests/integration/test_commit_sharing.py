"""When the inbox begins a commit: on real files, by the turns of a real event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from receiver.adapters.sqlite_inbox import COMPANY, QUIET_TURNS, Limits, SqliteInbox
from receiver.adapters.sqlite_journal import open_journal
from receiver.callback import VerifiedCallback


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[SqliteInbox]:
    """An inbox of its own."""
    open_journal(tmp_path / "journal")
    inbox = SqliteInbox(tmp_path / "journal", Limits())
    yield inbox
    await asyncio.to_thread(inbox.close)


async def append_after(inbox: SqliteInbox, turns: int) -> int:
    """Append one callback after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await inbox.append(VerifiedCallback("main", 1, (), b"{}"))


async def begins_within(inbox: SqliteInbox, turns: int) -> bool:
    """Whether a commit begins within so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
        if inbox._writing:
            return True
    return False


async def test_what_comes_turn_by_turn_shares_a_commit(inbox: SqliteInbox) -> None:
    """As the requests of a loop that is busy do; each of them a commit of its own would cost more than its answer."""
    numbers = await asyncio.gather(*(append_after(inbox, turn) for turn in range(COMPANY // 2)))
    assert numbers == list(range(1, COMPANY // 2 + 1))
    assert inbox.commits == 1


async def test_a_pause_of_the_loop_begins_a_commit(inbox: SqliteInbox) -> None:
    """A lone callback waits for nobody: it is being written after two turns without another."""
    alone = asyncio.create_task(inbox.append(VerifiedCallback("main", 1, (), b"{}")))
    assert await begins_within(inbox, QUIET_TURNS + 2)
    assert await alone == 1
    assert not inbox._writing


async def test_enough_callbacks_begin_a_commit_though_more_come_each_turn(inbox: SqliteInbox) -> None:
    """Nobody waits for a pause that never is; what comes meanwhile shares the next commit."""
    count = COMPANY * 3
    tasks = [asyncio.create_task(append_after(inbox, turn)) for turn in range(count)]
    assert await begins_within(inbox, COMPANY + 2)
    assert await asyncio.gather(*tasks) == list(range(1, count + 1))
    assert inbox.commits <= count // 4


async def test_a_purge_alone_begins_a_commit_too(inbox: SqliteInbox) -> None:
    """And what comes with it is kept."""
    first = await append_after(inbox, 0)
    await asyncio.wait_for(inbox.purge([first]), 5)
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
    assert await asyncio.wait_for(task, 5) == 1
    await asyncio.wait_for(tended.wait(), 5)
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
    await asyncio.wait_for(inbox.purge([1]), 5)
    assert seen == [True]
