"""What was purged stands in no file of a journal, logs and their index included, while others have them open."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from receiver.journal.ports import InboxLimits
from receiver.journal.retention import RejectsRetention
from receiver.journal.sqlite import inbox_writer
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import RawCallback, Resource
from receiver.model.records import Position
from receiver.model.times import DAY_US
from receiver.sandbox.fakes import FakeClock
from tests.contract.journal.samples import START_US, batch, callback, event
from tests.support import Lines

MARK = b"4111-of-a-person"


def files_with_it(folder: Path) -> list[str]:
    """The files that hold the mark."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and MARK in path.read_bytes())


async def test_purged_callbacks_leave_the_file_and_its_log(tmp_path: Path) -> None:
    """While the service runs, soon after the last step, whatever the size of a body; its other callbacks stay."""
    journal = open_journal(tmp_path)
    inbox = journal.inbox_writer(InboxLimits())
    for body in (MARK, MARK * 2000, b"another's"):
        await inbox.append(callback(1, body))
    assert files_with_it(tmp_path) != []
    await inbox.purge([1, 2])
    async with asyncio.timeout(60):
        while files_with_it(tmp_path):
            await asyncio.sleep(inbox_writer.HOUSEKEEPING_S)
    with closing(journal.inbox()) as reader:
        assert [entry.callback.body for entry in reader.read(0, 9)] == [b"another's"]
    await asyncio.to_thread(inbox.close)


async def test_an_inbox_that_is_closed_right_after_a_purge_leaves_nothing(tmp_path: Path) -> None:
    """Also where a reader keeps the log from going with it."""
    journal = open_journal(tmp_path)
    with closing(journal.inbox()):
        inbox = journal.inbox_writer(InboxLimits())
        await inbox.append(callback(1, MARK))
        await inbox.purge([1])
        await asyncio.to_thread(inbox.close)
        assert files_with_it(tmp_path) == []


def test_purged_events_leave_the_file_and_its_log(tmp_path: Path) -> None:
    """With the step after the last one, which finds no more."""
    journal = open_journal(tmp_path)
    with closing(journal.outbox(write=True)) as outbox, closing(journal.outbox()):
        made = batch([event(1, value=b'{"to": "%s"}' % MARK), event(2, value=b"{}")])
        made.progress.clear()
        outbox.commit(made)
        outbox.remember("a-cluster", Position(2, "id-2"))
        assert files_with_it(tmp_path) != []
        assert outbox.purge("2030-01-01T00:00:00Z", None, 10) == 1
        assert outbox.purge("2030-01-01T00:00:00Z", None, 10) == 0
        assert files_with_it(tmp_path) == []


def test_purged_answers_leave_the_file_and_its_log(tmp_path: Path) -> None:
    """What an API said."""
    journal = open_journal(tmp_path)
    with closing(journal.watchlist()) as watch, closing(journal.requests()):
        watch.answered("main", Resource("a", b'"%s"' % MARK, b"d", terminal=True), now_us=1, due_us=2, after=0)
        assert files_with_it(tmp_path) != []
        watch.purge_answers([1])
        assert files_with_it(tmp_path) == []


async def test_refused_callbacks_are_forgotten_by_age(tmp_path: Path) -> None:
    """The sample's limit is not only a number; 0 days leaves it at that."""
    journal, clock, log = open_journal(tmp_path), FakeClock(us=START_US + 40 * DAY_US), Lines()
    with closing(journal.rejects(write=True)) as rejects:
        rejects.add(RawCallback("main", START_US, (), MARK), "signature", 10)
        rejects.add(RawCallback("main", START_US + 39 * DAY_US, (), b"{}"), "signature", 10)
        assert await RejectsRetention(rejects, clock, days=0, log=log).round() == 0
        assert await RejectsRetention(rejects, clock, days=30, log=log).round() == 1
        assert [reject.number for reject in rejects.newest(9)] == [2]
        assert files_with_it(tmp_path) == []
    assert log.named("rejects.purged") == [{"callbacks": 1, "older_than_days": 30}]
