"""Open files and their names: on real files, opened by SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.open_files import PARTS, OpenFiles
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.errors import StoreFailed
from receiver.model.records import OutboxBatch, Progress


@pytest.mark.parametrize("part", PARTS)
def test_a_name_that_is_gone_is_a_fault_until_it_is_back(tmp_path: Path, part: str) -> None:
    """Moved away and back: the same file again."""
    open_journal(tmp_path)
    path = tmp_path / "inbox.db"
    connection = sqlite.open_store(path, "inbox", read_only=False)
    files = OpenFiles(path)
    assert files.fault() is None
    named = Path(f"{path}{part}")
    named.rename(tmp_path / "away")
    assert files.fault() == f"{named} was deleted or moved while in use: put it back, or restart the service"
    (tmp_path / "away").rename(named)
    assert files.fault() is None
    connection.close()


@pytest.mark.parametrize("part", PARTS)
def test_another_file_of_the_same_name_is_a_fault(tmp_path: Path, part: str) -> None:
    """With the same bytes too: what is committed goes to the old one."""
    open_journal(tmp_path)
    path = tmp_path / "inbox.db"
    connection = sqlite.open_store(path, "inbox", read_only=False)
    files = OpenFiles(path)
    named = Path(f"{path}{part}")
    content = named.read_bytes()
    named.rename(tmp_path / "old")
    named.write_bytes(content)
    assert files.fault() == f"{named} is another file than the one in use: restart the service"
    connection.close()


def test_closing_takes_the_log_away_and_opening_makes_it_anew(tmp_path: Path) -> None:
    """No fault, also with a log that is another file; a database that was replaced meanwhile is one."""
    open_journal(tmp_path)
    path = tmp_path / "inbox.db"
    connection = sqlite.open_store(path, "inbox", read_only=False)
    files = OpenFiles(path)
    files.closing()
    connection.close()
    assert not Path(f"{path}-wal").exists()
    assert files.fault() is None
    connection = sqlite.open_store(path, "inbox", read_only=False)
    files.reopened()
    assert files.fault() is None
    Path(f"{path}-wal").unlink()
    assert files.fault() is not None
    connection.close()


def test_a_folder_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    """A file where the folder was."""
    folder = tmp_path / "journal"
    open_journal(folder)
    connection = sqlite.open_store(folder / "inbox.db", "inbox", read_only=False)
    files = OpenFiles(folder / "inbox.db")
    folder.rename(tmp_path / "away")
    folder.touch()
    assert files.fault() == f"{folder}/inbox.db cannot be looked at: Not a directory"
    connection.close()


def test_nothing_is_interpreted_into_a_file_without_a_name(tmp_path: Path) -> None:
    """It went on for as long as the process lived, and was gone with it: events that Kafka had, and no journal."""
    open_journal(tmp_path)
    outbox, batch = SqliteOutbox.open(tmp_path), OutboxBatch(progress={"inbox": Progress(0, b"")})
    (tmp_path / "outbox.db").rename(tmp_path / "away")
    with pytest.raises(StoreFailed, match=r"outbox: .*outbox\.db was deleted or moved while in use"):
        outbox.commit(batch)
    (tmp_path / "away").rename(tmp_path / "outbox.db")
    outbox.commit(batch)
    outbox.close()


def test_no_request_is_made_in_one(tmp_path: Path) -> None:
    """What a provider's API answered is asked again."""
    open_journal(tmp_path)
    requests = SqliteRequests.open(tmp_path)
    (tmp_path / "requests.db").rename(tmp_path / "away")
    with pytest.raises(StoreFailed, match=r"requests: .*requests\.db was deleted or moved while in use"):
        requests.add("poll", 1, {})
    (tmp_path / "away").rename(tmp_path / "requests.db")
    assert requests.add("poll", 1, {}) == 1
    requests.close()
