"""What the SQLite stores share: how a file is opened, and what becomes of an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from receiver.journal.sqlite import store as sqlite
from receiver.model.errors import JournalError, StoreFailed


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A new inbox."""
    made = sqlite.connect(tmp_path / "inbox.db", create=True)
    sqlite.create_schema(made, "inbox", "its-id")
    yield made
    made.close()


def test_an_sqlite_that_can_lose_commits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The WAL-reset bug, fixed in 3.51.3."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    with pytest.raises(JournalError, match=r"SQLite 3.40.1 can lose commits"):
        sqlite.check_library()


def test_a_commit_that_returned_is_fsynced(connection: apsw.Connection) -> None:
    """And no commit pays for a checkpoint."""
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("wal_autocheckpoint") == 0


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Only who makes a journal makes files."""
    with pytest.raises(JournalError, match=r"inbox\.db cannot be opened"):
        sqlite.connect(tmp_path / "inbox.db")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    """Python hands on the bytes of such a path as half characters, which SQLite's driver does not take."""
    with pytest.raises(JournalError, match=r"inbox\.db: SQLite opens paths in UTF-8 alone"):
        sqlite.connect(tmp_path / "a\udcffb" / "inbox.db", read_only=True)


def test_what_a_store_is_stays_as_it_was_made(connection: apsw.Connection) -> None:
    """Making its tables again changes neither its name nor whose it is."""
    sqlite.create_schema(connection, "inbox", "another-id")
    assert dict(connection.execute("SELECT key, value FROM meta")) == {
        "store": "inbox",
        "journal_id": "its-id",
        "format_version": sqlite.FORMAT_VERSIONS["inbox"],
    }


def test_a_file_in_the_place_of_another_is_refused(connection: apsw.Connection, tmp_path: Path) -> None:
    """Both by its name and where it is no store at all."""
    assert connection.in_transaction is False
    with pytest.raises(JournalError, match=r"holds the store 'inbox', not 'outbox'"):
        sqlite.open_store(tmp_path / "inbox.db", "outbox", read_only=True)
    sqlite.connect(tmp_path / "other.db", create=True).close()
    with pytest.raises(JournalError, match="is not a store of a journal"):
        sqlite.open_store(tmp_path / "other.db", "outbox", read_only=True)


def test_a_transaction_is_whole_or_nothing(connection: apsw.Connection) -> None:
    """Whatever goes wrong in it; an error of the driver comes out as one that everybody knows."""
    with pytest.raises(ValueError, match="a test"), sqlite.transaction(connection):
        connection.execute("DELETE FROM meta")
        raise ValueError("a test")
    with pytest.raises(StoreFailed), sqlite.transaction(connection):
        connection.execute("DELETE FROM meta")
        connection.execute("INSERT INTO nowhere VALUES (1)")
    assert connection.in_transaction is False
    assert len(list(connection.execute("SELECT 1 FROM meta"))) == 3


def test_a_hash_of_a_key_fits_into_four_bytes() -> None:
    """It stays the same for ever: it is in the files."""
    assert sqlite.key_hash("") == -(1 << 31)
    assert sqlite.key_hash("123456789") == 0xCBF43926 - (1 << 31), "the check value of CRC-32"
    assert all(-(1 << 31) <= sqlite.key_hash(str(number)) < 1 << 31 for number in range(1000))
