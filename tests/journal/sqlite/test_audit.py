"""Looking at a journal of files as a whole: each damage is found and named, and a copy is a journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sequences import FAULTS_MAX
from receiver.journal.sqlite import audit
from receiver.journal.sqlite.audit import backup, check, stats
from receiver.journal.sqlite.folder import STORES
from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.model.callback import VerifiedCallback, entry_digest
from receiver.model.errors import JournalError
from receiver.model.operation import OperationState
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Progress

COUNT = 30
KEY = "0xpay:m:exchange:a"


@pytest.fixture
async def journal(tmp_path: Path) -> SqliteJournal:
    """A sound one, of thirty callbacks about one operation."""
    journal = open_journal(tmp_path / "journal")
    writer, inbox, outbox = journal.inbox_writer(InboxLimits()), journal.inbox(), journal.outbox(write=True)
    await asyncio.gather(*(writer.append(VerifiedCallback("main", at, (), b"{}")) for at in range(COUNT)))
    await asyncio.to_thread(writer.close)
    last = inbox.entry(COUNT)
    assert last is not None
    numbers = range(1, COUNT + 1)
    outbox.commit(
        OutboxBatch(
            records=[record(number) for number in numbers],
            outcomes=[Outcome("inbox", number, "event", number, KEY) for number in numbers],
            states={KEY: OperationState(COUNT)},
            progress={"inbox": Progress(COUNT, entry_digest(last))},
        )
    )
    outbox.close()
    inbox.close()
    return journal


def record(number: int) -> OutboxRecord:
    """The event that the callback of this number became."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", "a", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None,
        value=b'{"sequence":%d}' % number,
    )  # fmt: skip


def damage(journal: SqliteJournal, store: str, statement: str) -> None:
    """Change a store by hand."""
    connection = apsw.Connection(str(journal.folder / f"{store}.db"))
    connection.execute(statement)
    connection.close()


def test_a_sound_journal_has_no_fault(journal: SqliteJournal) -> None:
    """Nor has one whose oldest records were purged."""
    assert check(journal.folder) == []
    damage(journal, "outbox", "DELETE FROM records WHERE number < 5")
    assert check(journal.folder) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM outcomes WHERE number = 5", ["callback 5 counts as interpreted, and became nothing"]),
        (
            "DELETE FROM records WHERE number = 7",
            ["callback 7 became record 7, which is not there", f"record 8: {KEY} goes from sequence 6 to 8"],
        ),
        (
            """UPDATE records SET value = '{"sequence":9}' WHERE number = 1""",
            [f"record 1: {KEY} goes from sequence 0 to 9", f"record 2: {KEY} goes from sequence 9 to 2"],
        ),
        (
            "INSERT INTO meta VALUES ('keys_indexed_to', 1)",
            [f"operation 1 ({KEY}) is not in the table of keys"],
        ),
    ],
)
def test_each_damage_is_named(journal: SqliteJournal, statement: str, says: list[str]) -> None:
    """As one sentence each, with the number that it is about."""
    damage(journal, "outbox", statement)
    assert check(journal.folder) == says


def test_what_a_refused_event_left_out_is_no_gap(journal: SqliteJournal) -> None:
    """Its quarantine record names the operation whose sequence it had."""
    refused = """UPDATE records SET record_type = 'quarantine', value = '{"reason":"too_large_for_broker"}'"""
    damage(journal, "outbox", f"{refused} WHERE number = 3")
    assert check(journal.folder) == []


def test_many_faults_of_one_sort_are_not_all_named(journal: SqliteJournal) -> None:
    """The first of them tell enough."""
    damage(journal, "outbox", "DELETE FROM outcomes")
    assert len(check(journal.folder)) == FAULTS_MAX
    damage(journal, "outbox", """UPDATE records SET value = '{"sequence":1}'""")
    assert len(check(journal.folder)) == 2 * FAULTS_MAX


def test_a_page_that_is_broken_is_found(journal: SqliteJournal) -> None:
    """By SQLite itself, in whichever store; what else can be looked at is."""
    path = journal.folder / "requests.db"
    connection = apsw.Connection(str(path))
    for number in range(1, 500):
        connection.execute("INSERT INTO requests VALUES (?, 'close', 1, ?)", (number, "x" * 100))
    connection.close()
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xa5" * 4096
    path.write_bytes(content)
    faults = check(journal.folder)
    assert faults
    assert all(fault.startswith("requests.db: ") for fault in faults)


def test_a_journal_that_is_not_whole_cannot_be_looked_at(journal: SqliteJournal, tmp_path: Path) -> None:
    """And is not copied: a backup of it would be none."""
    (journal.folder / "requests.db").unlink()
    for look in (check, stats, lambda folder: backup(folder, tmp_path / "copy")):
        with pytest.raises(JournalError, match=r"lacks requests\.db"):
            look(journal.folder)
    assert not (tmp_path / "copy").exists()


def test_sizes_are_told_with_the_logs_beside_the_files(journal: SqliteJournal) -> None:
    """Bytes of each store."""
    figures = stats(journal.folder)
    for store in STORES:
        assert figures[f"{store}_bytes"] == sum(path.stat().st_size for path in journal.folder.glob(f"{store}.db*"))


def test_a_backup_is_a_journal_that_opens(
    journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private, of the same id, with all that was there; made a few pages at a time, beside writers."""
    monkeypatch.setattr(audit, "COPY_PAGES", 1)
    requests = journal.requests(write=True)
    copies = backup(journal.folder, tmp_path / "copy")
    requests.close()
    assert {path.name for path in copies} == {f"{store}.db" for store in STORES}
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    copied = open_journal(tmp_path / "copy")
    assert copied.journal_id == journal.journal_id
    assert check(copied.folder) == []
    theirs, ours = stats(copied.folder), stats(journal.folder)
    assert {name: theirs[name] for name in ours if not name.endswith("_bytes")} == {
        name: ours[name] for name in ours if not name.endswith("_bytes")
    }


def test_a_backup_is_never_written_over_another(journal: SqliteJournal, tmp_path: Path) -> None:
    """Nor over anything else."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "notes").touch()
    with pytest.raises(JournalError, match="is not empty"):
        backup(journal.folder, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["notes"]
