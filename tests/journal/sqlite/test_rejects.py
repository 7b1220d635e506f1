"""The file of refused callbacks: private, and no store of the journal, so that it may be deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.journal.sqlite.rejects import FILE, SqliteRejects
from receiver.model.callback import RawCallback
from receiver.model.errors import NothingRefused

RAW = RawCallback("main", 5, ((b"a", b"b"),), b"{}")


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    """A new one."""
    return open_journal(tmp_path / "journal")


def test_the_file_is_its_owners(journal: SqliteJournal) -> None:
    """It may hold a whole card number; the log beside it too."""
    store = journal.rejects(write=True)
    store.add(RAW, "why", 10)
    files = list(journal.folder.glob(f"{FILE}*"))
    assert len(files) > 1
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    store.close()


def test_the_journal_is_whole_without_it(journal: SqliteJournal) -> None:
    """Whoever looks is told so, and the next service makes it anew."""
    journal.rejects(write=True).close()
    (journal.folder / FILE).unlink()
    assert journal.check() == []
    with pytest.raises(NothingRefused, match="there are no rejects in"):
        journal.rejects()
    again = SqliteRejects(journal.folder)
    again.add(RAW, "why", 10)
    assert len(journal.rejects().newest(9)) == 1
    again.close()
