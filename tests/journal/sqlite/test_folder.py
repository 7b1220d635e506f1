"""The journal's folder on a real disk: modes, formats, stores that do not fit, and who may hold it."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.folder import acquire, acquire_journal
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.model.callback import VerifiedCallback, entry_digest
from receiver.model.errors import JournalBusy, JournalError
from receiver.model.records import OutboxBatch, Progress


async def fill(folder: Path, *bodies: bytes) -> None:
    """Append callbacks, and let the outbox read them all."""
    inbox = SqliteInbox(folder, InboxLimits())
    for body in bodies:
        await inbox.append(VerifiedCallback("main", 1, ((b"a", b"b"),), body))
    await asyncio.to_thread(inbox.close)
    reader, outbox = SqliteInboxReader(folder), SqliteOutbox.open(folder)
    last = reader.read(0, 100)[-1]
    outbox.commit(OutboxBatch(progress={"inbox": Progress(last.number, entry_digest(last))}))
    reader.close()
    outbox.close()


def test_the_folder_and_its_files_are_their_owners(tmp_path: Path) -> None:
    """They hold whole card numbers: 0700 and 0600, whatever the umask, the write-ahead logs too."""
    before = os.umask(0)
    try:
        folder = tmp_path / "a" / "journal"
        open_journal(folder)
        outbox = SqliteOutbox.open(folder)
        outbox.commit(OutboxBatch(progress={"inbox": Progress(0, b"")}))
        os.close(acquire(folder, "journal"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert "outbox.db-wal" in modes
        assert set(modes.values()) == {0o600}
        outbox.close()
    finally:
        os.umask(before)


def test_opening_again_is_the_same_journal(tmp_path: Path) -> None:
    """And a deleted one is another."""
    first = open_journal(tmp_path / "journal")
    assert open_journal(tmp_path / "journal") == first
    shutil.rmtree(tmp_path / "journal")
    assert open_journal(tmp_path / "journal").journal_id != first.journal_id


def test_a_half_made_store_is_made_anew(tmp_path: Path) -> None:
    """A crash between a file and its tables is as good as no file."""
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "outbox.db").touch()
    journal = open_journal(folder)
    SqliteOutbox.open(folder).close()
    assert journal.journal_id


@pytest.mark.parametrize("store", ["inbox", "outbox", "requests"])
def test_a_newer_format_is_refused(tmp_path: Path, store: str) -> None:
    """This release cannot know what it means."""
    folder = tmp_path / "journal"
    open_journal(folder)
    with sqlite3.connect(folder / f"{store}.db") as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'format_version'")
    connection.close()
    ours = sqlite.FORMAT_VERSIONS[store]
    said = f"{store}.db has format version 99; this release reads up to {ours}: go on with the release that wrote it"
    with pytest.raises(JournalError, match=f"{said}, or restore a backup from before the upgrade$"):
        open_journal(folder)


@pytest.mark.parametrize("store", ["inbox", "outbox"])
async def test_a_store_of_another_journal_is_refused(tmp_path: Path, store: str) -> None:
    """A folder put together from two journals."""
    for name in ("one", "two"):
        open_journal(tmp_path / name)
        await fill(tmp_path / name, b"x")
    shutil.copy(tmp_path / "two" / f"{store}.db", tmp_path / "one" / f"{store}.db")
    with pytest.raises(JournalError, match="belong to different journals"):
        open_journal(tmp_path / "one")


async def test_an_inbox_older_than_its_outbox_is_refused(tmp_path: Path) -> None:
    """New callbacks would get numbers that count as read."""
    folder = tmp_path / "journal"
    open_journal(folder)
    await fill(folder, b"1")
    shutil.copytree(folder, tmp_path / "backup")
    await fill(folder, b"2", b"3")
    shutil.copy(tmp_path / "backup" / "inbox.db", folder / "inbox.db")
    with pytest.raises(JournalError, match=r"inbox\.db is older than outbox\.db"):
        open_journal(folder)


async def test_an_inbox_with_another_history_is_refused(tmp_path: Path) -> None:
    """The last callback that the outbox read must still be that callback."""
    folder = tmp_path / "journal"
    open_journal(folder)
    shutil.copytree(folder, tmp_path / "backup")
    await fill(folder, b"1")
    await fill(tmp_path / "backup", b"other")
    shutil.copy(tmp_path / "backup" / "inbox.db", folder / "inbox.db")
    with pytest.raises(JournalError, match="is not the one that its outbox has read"):
        open_journal(folder)


@pytest.mark.parametrize("missing", ["inbox.db", "outbox.db"])
async def test_a_missing_store_beside_a_used_one_is_refused(tmp_path: Path, missing: str) -> None:
    """An empty one in its place would repeat or skip."""
    folder = tmp_path / "journal"
    open_journal(folder)
    inbox = SqliteInbox(folder, InboxLimits())
    await inbox.append(VerifiedCallback("main", 1, (), b""))
    await asyncio.to_thread(inbox.close)
    (folder / missing).unlink()
    if missing == "inbox.db":
        open_journal(folder)  # the outbox has read nothing yet: nothing is skipped
        return
    with pytest.raises(JournalError, match=f"lacks {missing}"):
        open_journal(folder)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """And left as it is."""
    folder = tmp_path / "journal"
    open_journal(folder)
    (folder / "inbox.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(JournalError, match=r"inbox.db is no intact SQLite database"):
        open_journal(folder)


def test_the_lock_is_one_holders(tmp_path: Path) -> None:
    """Two services on one journal would write over each other."""
    held = acquire(tmp_path, "journal")
    with pytest.raises(JournalBusy, match="another receiver holds the journal"):
        acquire(tmp_path, "journal")
    os.close(held)
    os.close(acquire(tmp_path, "journal"))


def test_it_is_held_also_by_who_has_lost_the_file(tmp_path: Path) -> None:
    """A person takes it for a stale one and deletes it; two services would then interpret the same callbacks."""
    held = acquire_journal(tmp_path)
    with pytest.raises(JournalBusy, match=r"\(journal\.lock\)"):
        acquire_journal(tmp_path)
    (tmp_path / "journal.lock").unlink()
    with pytest.raises(JournalBusy, match=r"another receiver holds the journal in .*, though its journal.lock is gone"):
        acquire_journal(tmp_path)
    for descriptor in held:
        os.close(descriptor)
    for descriptor in acquire_journal(tmp_path):
        os.close(descriptor)


def test_a_file_system_without_locks_for_folders_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As NFS, where only who may write to a file can lock it."""
    locks = fcntl.flock

    def only_files(descriptor: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        locks(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", only_files)
    (held,) = acquire_journal(tmp_path)
    with pytest.raises(JournalBusy):
        acquire_journal(tmp_path)
    os.close(held)


async def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    """Also when retention has emptied the table."""
    folder = tmp_path / "journal"
    open_journal(folder)
    await fill(folder, b"1", b"2")
    with sqlite3.connect(folder / "inbox.db") as connection:
        connection.execute("DELETE FROM callbacks")
    connection.close()
    inbox = SqliteInbox(folder, InboxLimits())
    assert await inbox.append(VerifiedCallback("main", 1, (), b"3")) == 3
    await asyncio.to_thread(inbox.close)


def test_an_empty_journal_in_the_place_of_a_known_one_is_not_made(tmp_path: Path) -> None:
    """Its stores were deleted: said with the journal's id, until a person deletes that too."""
    known = open_journal(tmp_path).journal_id
    for path in tmp_path.glob("*.db*"):
        path.unlink()
    with pytest.raises(JournalError, match=f"held the journal {known}, and its stores are gone: restore a backup"):
        open_journal(tmp_path)
    assert not list(tmp_path.glob("*.db"))
    (tmp_path / "journal.id").unlink()
    assert open_journal(tmp_path).journal_id != known


def test_a_restored_backup_is_the_journal_that_is_known_from_then_on(tmp_path: Path) -> None:
    """Also where it is another one than the one that was here."""
    folder, other = tmp_path / "here", tmp_path / "other"
    open_journal(folder)
    restored = open_journal(other)
    restored.backup(tmp_path / "backup")
    for path in folder.glob("*.db*"):
        path.unlink()
    for path in (tmp_path / "backup").iterdir():
        path.rename(folder / path.name)
    assert open_journal(folder).journal_id == restored.journal_id
    assert (folder / "journal.id").read_text("ascii").strip() == restored.journal_id
