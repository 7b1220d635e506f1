"""Whether the inbox can keep what it takes: on real files, with a disk that fails and one that stalls."""

from __future__ import annotations

import asyncio
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite import inbox_health
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable
from tests.journal.sqlite.test_inbox_durability import FailingDisk, callback, disk

__all__ = ["disk"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of its own."""
    open_journal(tmp_path / "journal")
    return tmp_path / "journal"


@pytest.fixture
async def inbox(folder: Path, disk: FailingDisk) -> AsyncIterator[SqliteInbox]:
    """An inbox on the disk to break."""
    made = SqliteInbox(folder, InboxLimits(), vfs="failing")
    yield made
    disk.fail, disk.delay_s = False, 0.0
    await asyncio.to_thread(made.close)


async def until_well(inbox: SqliteInbox, timeout_s: float = 60.0) -> None:
    """Wait until nothing is wrong any more."""
    async with asyncio.timeout(timeout_s):
        while inbox.trouble() is not None:
            await asyncio.sleep(0.01)


def numbers(folder: Path) -> list[int]:
    """What whoever opens the journal now finds."""
    reader = SqliteInboxReader(folder)
    found = [entry.number for entry in reader.read(0, 100)]
    reader.close()
    return found


async def test_a_failed_commit_is_said_in_the_words_of_sqlite_until_one_succeeds(
    inbox: SqliteInbox, disk: FailingDisk
) -> None:
    """Callbacks are tried all the same: the first that can be kept is kept."""
    await inbox.append(callback(1))
    assert inbox.trouble() is None
    disk.fail = True
    with pytest.raises(Unavailable):
        await inbox.append(callback(2))
    assert str(inbox.trouble()).startswith("commit_failed: ")
    assert "sync failed" in str(inbox.trouble())
    assert inbox.accepting() is None
    disk.fail = False
    await inbox.append(callback(3))
    assert inbox.trouble() is None


async def test_it_finds_out_by_itself_that_the_disk_is_well_again(inbox: SqliteInbox, disk: FailingDisk) -> None:
    """Without a callback: who is told that a service is down sends it none."""
    disk.fail = True
    with pytest.raises(Unavailable):
        await inbox.append(callback(1))
    before = disk.syncs
    async with asyncio.timeout(60):
        while disk.syncs == before:  # it tries
            await asyncio.sleep(0.01)
    assert inbox.trouble() is not None
    disk.fail = False
    await until_well(inbox)
    assert await inbox.append(callback(2)) == 1


async def test_an_error_that_nobody_expects_refuses_the_batch_and_not_the_inbox(
    inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer goes on; its callers would wait for ever."""

    def broken(_: list[VerifiedCallback]) -> int:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_commit", broken)
        with pytest.raises(Unavailable):
            await inbox.append(callback(1))
        assert inbox.trouble() == "commit_failed: no room"
    assert await inbox.append(callback(2)) == 1


async def test_a_commit_that_takes_too_long_is_said_while_it_takes(
    inbox: SqliteInbox, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs refuses nothing, and keeps nothing."""
    monkeypatch.setattr(inbox_health, "COMMIT_STALLED_S", 0.1)
    disk.delay_s = 60
    waiting = asyncio.create_task(inbox.append(callback(1)))
    async with asyncio.timeout(30):
        while (said := inbox.trouble()) is None:
            await asyncio.sleep(0.01)
    assert said.startswith("commit_stalled: one has been under way for ")
    disk.delay_s = 0
    await waiting
    assert inbox.trouble() is None


@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
async def test_what_lies_in_a_file_without_a_name_is_not_acknowledged(
    inbox: SqliteInbox, folder: Path, part: str
) -> None:
    """Refused from the first callback after it; put back, all that was acknowledged is there and it goes on."""
    assert await inbox.append(callback(1)) == 1
    named, away = folder / f"inbox.db{part}", folder / "away"
    named.rename(away)
    with pytest.raises(Unavailable):
        await inbox.append(callback(2))
    assert str(inbox.trouble()).startswith(f"files_gone: {named} was deleted or moved")
    assert inbox.accepting() == "files_gone"
    away.rename(named)
    await until_well(inbox)
    number = await inbox.append(callback(3))
    assert {1, number} <= set(numbers(folder))


async def test_a_backup_that_is_put_under_a_running_service_is_left_alone(inbox: SqliteInbox, folder: Path) -> None:
    """Its numbers would be given twice, so nothing is written to it; a restart takes it."""
    await inbox.append(callback(1))
    copy = folder / "copy"
    shutil.copy(folder / "inbox.db", copy)
    before = copy.read_bytes()
    copy.replace(folder / "inbox.db")
    for at in (2, 3):
        with pytest.raises(Unavailable):
            await inbox.append(callback(at))
    await asyncio.sleep(2.5)  # the keeper and a trial came by
    assert "is another file than the one in use" in str(inbox.trouble())
    assert (folder / "inbox.db").read_bytes() == before


def test_a_file_that_may_not_grow_is_told_in_words(folder: Path) -> None:
    """What a quota does: free space is as it was, and no commit succeeds."""
    program = """
import asyncio, sys
from pathlib import Path
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable

async def main():
    inbox = SqliteInbox(Path(sys.argv[1]), InboxLimits())
    try:
        await inbox.append(VerifiedCallback("main", 1, (), b"x" * 200_000))
    except Unavailable as refused:
        print(refused.why, inbox.accepting(), inbox.trouble(), sep="|")

asyncio.run(main())
"""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        preexec_fn=limited,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    why, accepting, trouble = done.stdout.strip().split("|")
    assert (why, accepting) == ("commit_failed", "None")
    assert trouble.startswith("commit_failed: ")
    assert len(trouble) > len("commit_failed: ")


def test_what_is_no_limit_of_the_disk_is_asked_of_it(folder: Path) -> None:
    """Free space and the log's size, by the system."""
    connection = SimpleNamespace(path=folder / "inbox.db")
    for part in ("-wal", "-shm"):
        Path(f"{connection.path}{part}").touch()
    health = inbox_health.InboxHealth(connection.path, disk_free_bytes_min=1 << 62)
    health.look()
    assert health.refusal() == "disk_full" == health.trouble()
    assert health.disk_free_bytes > 0
