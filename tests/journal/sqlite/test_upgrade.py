"""An outbox of an older format: brought to ours by whoever writes, left alone where the journal does not fit."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.search import SqliteSearch
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError
from receiver.model.forgotten import lost_some
from receiver.model.operation import OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Quarantined, QuarantineFilter

FORMAT_4 = """
BEGIN;
ALTER TABLE operations DROP COLUMN forgotten;
DROP INDEX IF EXISTS outcomes_duplicates;
CREATE TABLE old (number INTEGER PRIMARY KEY AUTOINCREMENT, record_type TEXT NOT NULL, record_id TEXT NOT NULL,
  provider TEXT NOT NULL, source TEXT NOT NULL, account TEXT, family TEXT NOT NULL, kind TEXT NOT NULL,
  operation_id TEXT NOT NULL, status TEXT NOT NULL, effective INTEGER NOT NULL, received_at TEXT NOT NULL,
  callback INTEGER, traceparent TEXT, value BLOB NOT NULL, publish INTEGER NOT NULL);
INSERT INTO old SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish FROM records;
DROP TABLE records;
ALTER TABLE old RENAME TO records;
UPDATE meta SET value = 4 WHERE key = 'format_version';
COMMIT;
"""
FORMAT_3 = """
BEGIN;
CREATE TABLE old (number INTEGER PRIMARY KEY, source TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  received_at TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, record INTEGER);
INSERT INTO old SELECT CASE store WHEN 'requests' THEN -number ELSE number END, source, reason, detail, received_at,
  state, why, record FROM quarantine;
DROP TABLE quarantine;
ALTER TABLE old RENAME TO quarantine;
UPDATE meta SET value = 3 WHERE key = 'format_version';
COMMIT;
"""
FORMAT_2 = """
BEGIN;
DROP TABLE operation_keys;
DELETE FROM meta WHERE key = 'keys_indexed_to';
CREATE INDEX operations_by_key_hash ON operations (key_hash);
UPDATE meta SET value = 2 WHERE key = 'format_version';
COMMIT;
"""
FORMAT_1 = """
BEGIN;
CREATE TABLE old (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, event_id TEXT NOT NULL,
  provider_status TEXT NOT NULL, rank INTEGER NOT NULL, terminal INTEGER NOT NULL, updated_at TEXT,
  arrival INTEGER NOT NULL, revisions TEXT NOT NULL);
INSERT INTO old SELECT id, key, sequence, event_id, provider_status, rank, terminal, updated_at, arrival, revisions
  FROM operations;
DROP TABLE operations;
ALTER TABLE old RENAME TO operations;
UPDATE meta SET value = 1 WHERE key = 'format_version';
COMMIT;
"""


OLDER = {
    1: FORMAT_4 + FORMAT_3 + FORMAT_2 + FORMAT_1,
    2: FORMAT_4 + FORMAT_3 + FORMAT_2,
    3: FORMAT_4 + FORMAT_3,
    4: FORMAT_4,
}


@pytest.mark.parametrize("version", OLDER)
def test_an_outbox_of_an_older_format_is_brought_to_ours(tmp_path: Path, version: int) -> None:
    """By whoever opens the journal to write it; who only reads says what to do."""
    folder = tmp_path / "journal"
    journal = open_journal(folder)
    states = {f"0xpay:a:exchange:{number}": state(number) for number in range(1, 60)}
    ids = put(folder, states)
    odd = [standing(EntryId("inbox", 7)), standing(EntryId("requests", 7)), standing(EntryId("requests", 12))]
    before = SqliteOutbox.open(folder)
    before.commit(OutboxBatch(quarantined=odd, records=[RECORD]))
    before.close()
    with sqlite3.connect(folder / "outbox.db") as connection:
        connection.executescript(OLDER[version])
    connection.close()
    with pytest.raises(JournalError, match=rf"outbox.db has format version {version}; `receiver serve` brings it to 5"):
        SqliteOutbox.open(folder, read_only=True)
    assert [open_journal(folder), open_journal(folder)] == [journal, journal]
    outbox = SqliteOutbox.open(folder)
    assert {key: one.state for key, one in outbox.operations(states).items()} == states
    assert list(outbox.read(0, 10)) == [RECORD]
    search = SqliteSearch(folder)
    assert search.quarantine(QuarantineFilter(), None, 10) == odd
    search.close()
    outbox.close()
    assert put(folder, {**states, "0xpay:a:exchange:new": state(1)}).items() >= ids.items()
    with sqlite3.connect(folder / "outbox.db") as connection:
        ours = "SELECT count(*), (SELECT value FROM meta WHERE key = 'keys_indexed_to') FROM operation_keys"
        assert connection.execute(ours).fetchone() == ((0, None) if version in {3, 4} else (59, 59))
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'operations_by_key_hash'").fetchall()
    connection.close()


@pytest.mark.parametrize("version", OLDER)
def test_of_contents_that_an_older_release_purged_it_is_known_that_there_were_some(
    tmp_path: Path, version: int
) -> None:
    """An operation that has fewer contents than events; of one that has them all nothing is lost."""
    folder = tmp_path / "journal"
    open_journal(folder)
    whole, purged = "0xpay:a:exchange:whole", "0xpay:a:exchange:purged"
    outbox = SqliteOutbox.open(folder)
    records = [record(number) for number in (1, 2, 3)]
    seen = [(key, Seen(f"event-{number}", b"", number)) for key, number in ((whole, 1), (purged, 2), (whole, 3))]
    outbox.commit(OutboxBatch(records=records, seen=seen, states={whole: state(2), purged: state(2)}))
    outbox.close()
    with sqlite3.connect(folder / "outbox.db") as connection:
        connection.executescript(OLDER[version])
    connection.close()
    open_journal(folder)
    outbox = SqliteOutbox.open(folder)
    found = outbox.operations([whole, purged])
    assert {key: lost_some(one.forgotten) for key, one in found.items()} == {whole: False, purged: True}
    outbox.close()


def record(number: int) -> OutboxRecord:
    """Some event."""
    return OutboxRecord(
        number, "event", f"event-{number}", "0xpay", "main", "a", "exchange", "exchange", "x", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip


def test_a_journal_that_does_not_fit_keeps_its_format(tmp_path: Path) -> None:
    """Refused as it is: the release that wrote it can still be gone back to."""
    folder = tmp_path / "journal"
    open_journal(folder)
    put(folder, {"0xpay:a:exchange:1": state(1)})
    with sqlite3.connect(folder / "outbox.db") as connection:
        connection.executescript(OLDER[1])
        connection.execute("INSERT INTO progress (store, number, digest) VALUES ('inbox', 9, x'00')")
    connection.close()
    for _ in range(2):
        with pytest.raises(JournalError, match=r"read inbox up to 9, which ends at 0: inbox\.db is older"):
            open_journal(folder)
    with sqlite3.connect(folder / "outbox.db") as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone() == (1,)
    connection.close()


RECORD = OutboxRecord(
    1, "event", "id-1", "0xpay", "main", None, "exchange", "exchange", "a", "completed",
    effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=1, traceparent=None, value=b"{}",
)  # fmt: skip


def standing(entry_id: EntryId) -> Quarantined:
    """A callback, or an answer, that nobody could read."""
    return Quarantined(entry_id, "main", "schema", "id", "2024-05-27T08:55:30.012345Z", "open", "", 3)


def state(number: int) -> OperationState:
    """Some state of an operation."""
    return OperationState(number, "Done", 3, True, None, number, f"event-{number}", {"Done": number})


def put(folder: Path, states: dict[str, OperationState]) -> dict[str, int]:
    """Commit them; their numbers in the outbox."""
    outbox = SqliteOutbox.open(folder)
    outbox.commit(OutboxBatch(states=states))
    outbox.close()
    search = SqliteSearch(folder)
    numbers = {one.key: one.number for one in search.operations_by_key(states)}
    search.close()
    return numbers
