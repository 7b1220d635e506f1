"""Rows of the outbox's tables: what was written is read back as it was."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from receiver.journal.outbox_values import (
    days_of,
    entry_of,
    record_from_row,
    record_row,
    standing_from_row,
    standing_row,
    state_from_row,
)
from receiver.journal.sealed import NO_KEYS, Keyring, read_key
from receiver.journal.sqlite.outbox_rows import operation_row
from receiver.journal.sqlite.seals import Seals
from receiver.model.callback import EntryId
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord, Quarantined

RECORD = OutboxRecord(
    7, "event", "id-7", "0xpay", "main", None, "exchange", "exchange", "a", "completed",
    effective=False, received_at="2024-05-27T08:55:30.012345Z", callback=None, traceparent=None, value=b"{}",
    publish=False, simulated=True,
)  # fmt: skip


def test_a_record_comes_back_as_it_was() -> None:
    """Its truths are numbers in the file, and truths again."""
    plain = Seals(apsw.Connection(":memory:"), "outbox", NO_KEYS)
    assert record_from_row(plain, record_row(plain, RECORD)) == RECORD
    assert record_row(plain, RECORD)[10] == record_row(plain, RECORD)[15] == 0
    assert record_from_row(plain, record_row(plain, replace(RECORD, simulated=False))).simulated is False
    assert record_from_row(plain, record_row(plain, replace(RECORD, effective=True, publish=True))).publish is True


def test_a_value_is_sealed_where_there_is_a_key() -> None:
    """And comes back as it was, while all that it is found by stays as it is."""
    seals = Seals(apsw.Connection(":memory:"), "outbox", Keyring([read_key(bytes(range(32)).hex().encode())]))
    seals.prepare(days_of([RECORD]))
    row, plain = record_row(seals, RECORD), record_row(Seals(apsw.Connection(":memory:"), "outbox", NO_KEYS), RECORD)
    assert (row[:14], row[15:]) == (plain[:14], plain[15:])
    assert RECORD.value not in row[14]
    assert record_from_row(seals, row) == RECORD


@pytest.mark.parametrize("entry", [EntryId("inbox", 7), EntryId("requests", 7)])
def test_a_standing_comes_back_as_it_was(entry: EntryId) -> None:
    """Of a callback and of an answer."""
    standing = Quarantined(entry, "main", "schema", "id", "2024-05-27T08:55:30.012345Z", "closed", "a test", None)
    assert standing_from_row(standing_row(standing)) == standing


def test_a_state_comes_back_as_it_was() -> None:
    """From the columns that the query gives."""
    state = OperationState(3, "Done", 2, True, None, 9, "id-9", {"Exchanged": 1, "Done": 2})
    number, key, _, sequence, word, rank, terminal, updated, arrival, event_id, revisions = operation_row(5, "k", state)
    row = (number, sequence, word, rank, terminal, updated, arrival, event_id, revisions, key)
    assert state_from_row(row) == state


@pytest.mark.parametrize(
    ("record_type", "record_id", "entry"),
    [
        ("quarantine", "12", EntryId("inbox", 12)),
        ("quarantine", "poll-12", EntryId("requests", 12)),
        ("quarantine", "-12", EntryId("requests", 12)),
        ("quarantine", "0", None),
        ("event", "12", None),
        ("withheld", "12", None),
    ],
)
def test_the_entry_of_a_quarantine_record(record_type: str, record_id: str, entry: EntryId | None) -> None:
    """Also as earlier releases wrote it; nobody knows that of a record that was taken over from Kafka."""
    assert entry_of(replace(RECORD, record_type=record_type, record_id=record_id)) == entry
