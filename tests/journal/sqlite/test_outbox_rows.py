"""Rows of the outbox's tables: what was written is read back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receiver.journal.sqlite.outbox_rows import (
    entry_of,
    operation_row,
    record_from_row,
    record_row,
    standing_from_row,
    standing_row,
    state_from_row,
)
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
    assert record_from_row(record_row(RECORD)) == RECORD
    assert record_row(RECORD)[10] == record_row(RECORD)[15] == 0
    assert record_from_row(record_row(replace(RECORD, simulated=False))).simulated is False
    assert record_from_row(record_row(replace(RECORD, effective=True, publish=True))).publish is True


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
