"""What a 200 promises, on real files, with a real SIGKILL; and on disks that are full, slow or failing."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable
from tests.warm_commands import forked

APPENDER = """
import asyncio, resource, sys
from pathlib import Path
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable

async def main(folder, limit):
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    inbox = SqliteInbox(Path(folder), InboxLimits())
    async def one(at):
        body = b"%d:" % at + b"x" * 2000
        try:
            number = await inbox.append(VerifiedCallback("main", at, (), body))
        except Unavailable as refused:
            print("refused", at, refused.why, flush=True)
        else:
            print("acknowledged", at, number, flush=True)
    at = 0
    while True:
        await asyncio.gather(*(one(at + place) for place in range(8)))
        at += 8
        if limit and at > 4000:
            return

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def acknowledged(lines: list[str]) -> dict[int, int]:
    """Number → what was sent, of all that was acknowledged; a line that was cut off does not count."""
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {int(words[2]): int(words[1]) for words in whole if words[0] == "acknowledged"}


def kept(folder: Path) -> dict[int, int]:
    """Number → what was sent, of all that is in the inbox, whole."""
    reader, found, after = SqliteInboxReader(folder), {}, 0
    while entries := reader.read(after, 1000):
        for entry in entries:
            sent, _, rest = entry.callback.body.partition(b":")
            assert rest == b"x" * 2000
            assert entry.callback.received_at_us == int(sent)
            found[entry.number] = int(sent)
        after = entries[-1].number
    reader.close()
    return found


@pytest.mark.long
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    """At whatever moment: every acknowledged callback is there under its number, whole."""
    folder, chance = tmp_path / "journal", random.Random(11)
    total: dict[int, int] = {}
    open_journal(folder)
    for _ in range(8):
        appender, said = forked(APPENDER, str(folder), "0")
        with said:
            first = said.readline()
            time.sleep(chance.uniform(0.05, 0.4))
            appender.kill()
            lines = [first, *said]
        assert appender.wait() == -signal.SIGKILL
        total |= acknowledged(lines)
    found = kept(folder)
    assert len(total) > 100
    assert {number: found.get(number) for number in total} == total


def test_a_file_that_may_not_grow_refuses_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """A full disk: 503 for what does not fit, nothing half kept, and everything acknowledged is there."""
    folder = tmp_path / "journal"
    open_journal(folder)
    appender, said = forked(APPENDER, str(folder), str(4 * 1024 * 1024))
    with said:
        lines = said.readlines()
    assert appender.wait(120) == 0
    refused = [line for line in lines if line.startswith("refused")]
    assert refused
    assert all(line.endswith("commit_failed\n") for line in refused)
    owed, found = acknowledged(lines), kept(folder)
    assert len(owed) > 500
    assert {number: found.get(number) for number in owed} == owed
    assert len(found) == len(owed)


class FailingDisk(apsw.VFS):
    """The system's file system, with a sync that can fail or take its time."""

    def __init__(self) -> None:
        self.fail = False
        self.delay_s = 0.0
        self.syncs = 0
        super().__init__("failing", "")

    def xOpen(self, name: Any, flags: Any) -> Any:  # noqa: N802  APSW's name
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: Any) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802  APSW's name
        self._disk.syncs += 1
        began_s = time.monotonic()
        while time.monotonic() < began_s + self._disk.delay_s:  # which may become less meanwhile
            time.sleep(0.005)
        if self._disk.fail:
            raise apsw.IOError("sync failed")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    """A disk to break."""
    made = FailingDisk()
    yield made
    made.unregister()


def callback(at: int) -> VerifiedCallback:
    """A distinct callback."""
    return VerifiedCallback("main", at, (), b"%d:" % at + b"x" * 2000)


async def test_no_acknowledgement_without_an_fsync(tmp_path: Path, disk: FailingDisk) -> None:
    """A failing fsync refuses the whole batch; when the disk is well again, so is the inbox, without a restart."""
    folder = tmp_path / "journal"
    open_journal(folder)
    inbox = SqliteInbox(folder, InboxLimits(), vfs="failing")
    first = await inbox.append(callback(1))
    before = disk.syncs
    assert await inbox.append(callback(2)) == first + 1
    assert disk.syncs > before
    disk.fail = True
    results = await asyncio.gather(*(inbox.append(callback(at)) for at in range(3, 13)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    disk.fail = False
    number = await inbox.append(callback(99))
    await asyncio.to_thread(inbox.close)
    found = kept(folder)
    assert (found[first], found[number]) == (1, 99)


async def test_a_slow_disk_shares_its_fsyncs_and_does_not_stop_the_loop(tmp_path: Path, disk: FailingDisk) -> None:
    """Callbacks that wait together share a commit: many fewer syncs than callbacks, and the event loop goes on."""
    folder = tmp_path / "journal"
    open_journal(folder)
    inbox = SqliteInbox(folder, InboxLimits(), vfs="failing")
    await inbox.append(callback(0))
    disk.delay_s, before = 0.2, disk.syncs
    appending = asyncio.gather(*(inbox.append(callback(at)) for at in range(1, 101)))
    ticks = 0
    while not appending.done():
        await asyncio.sleep(0.001)
        ticks += 1
    await appending
    assert disk.syncs - before < 20
    assert ticks > 10
    disk.delay_s = 0
    await asyncio.to_thread(inbox.close)
    assert len(kept(folder)) == 101


async def test_a_full_queue_refuses_at_once(tmp_path: Path, disk: FailingDisk) -> None:
    """Memory stays bounded on a disk that does not keep up; those that wait are still committed."""
    folder = tmp_path / "journal"
    open_journal(folder)
    inbox = SqliteInbox(folder, InboxLimits(queue_max=5), vfs="failing")
    disk.delay_s = 60
    first = asyncio.create_task(inbox.append(callback(0)))
    await asyncio.sleep(0)
    while inbox.figures().queued:  # until its commit is under way
        await asyncio.sleep(0.001)
    waiting = [asyncio.create_task(inbox.append(callback(at))) for at in range(1, 6)]
    await asyncio.sleep(0)
    assert inbox.accepting() == "queue_full"
    with pytest.raises(Unavailable):
        await inbox.append(callback(6))
    disk.delay_s = 0
    await asyncio.gather(first, *waiting)
    assert inbox.accepting() is None
    await asyncio.to_thread(inbox.close)
    assert len(kept(folder)) == 6


async def test_too_little_free_space_refuses_before_sqlite_fails(tmp_path: Path) -> None:
    """A limit of ours, looked at every second, and gone when there is space again."""
    folder = tmp_path / "journal"
    open_journal(folder)
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    inbox = SqliteInbox(folder, InboxLimits(disk_free_bytes_min=free * 2))
    assert inbox.accepting() == "disk_full"
    with pytest.raises(Unavailable):
        await inbox.append(callback(1))
    inbox._health._disk_free_bytes_min = 0
    inbox._health.look()
    assert await inbox.append(callback(1)) == 1
    await asyncio.to_thread(inbox.close)


async def test_closing_commits_what_waits_and_takes_nothing_more(tmp_path: Path, disk: FailingDisk) -> None:
    """SIGTERM under load: what is in the queue is made safe."""
    folder = tmp_path / "journal"
    open_journal(folder)
    inbox = SqliteInbox(folder, InboxLimits(), vfs="failing")
    disk.delay_s = 0.05
    waiting = [asyncio.create_task(inbox.append(callback(at))) for at in range(20)]
    await asyncio.sleep(0.01)
    await asyncio.to_thread(inbox.close)
    assert len(await asyncio.gather(*waiting)) == 20
    assert inbox.accepting() == "stopping"
    assert len(kept(folder)) == 20


async def test_the_write_ahead_log_is_bounded_while_a_reader_looks_on(tmp_path: Path) -> None:
    """Above its limit the writer restarts it; no callback is refused for that."""
    folder = tmp_path / "journal"
    open_journal(folder)
    limits = InboxLimits(wal_bytes_max=2 * 1024 * 1024)
    inbox, reader = SqliteInbox(folder, limits), SqliteInboxReader(folder)
    largest = 0
    for round_ in range(30):
        await asyncio.gather(*(inbox.append(callback(round_ * 100 + at)) for at in range(100)))
        reader.read(0, 10)
        inbox._health.look()
        largest = max(largest, (folder / "inbox.db-wal").stat().st_size)
    assert largest < 4 * limits.wal_bytes_max
    await asyncio.to_thread(inbox.close)
    reader.close()
    assert len(kept(folder)) == 3000


async def test_the_writer_hears_of_every_callback(tmp_path: Path) -> None:
    """Alone, in crowds, while a commit is under way or just as the writer goes to wait: none is left in the queue."""
    open_journal(tmp_path)
    inbox, chance = SqliteInbox(tmp_path, InboxLimits()), random.Random(8)

    async def one(at: int) -> int:
        await asyncio.sleep(chance.choice((0, 0, 0.0001, 0.0005, 0.002)))
        return await inbox.append(VerifiedCallback("main", at, (), b"x"))

    async def one_after_the_other() -> list[int]:
        return [await one(at) for at in range(300)]

    async with asyncio.timeout(30):
        numbers = await asyncio.gather(*(one_after_the_other() for _ in range(5)))
    await asyncio.to_thread(inbox.close)
    assert sorted(number for some in numbers for number in some) == list(range(1, 1501))
