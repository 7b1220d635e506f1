"""What `receiver journal check` says of sequences in which Kafka refused a record."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from receiver.journal.sqlite.audit import check
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.operation import OperationState
from receiver.model.records import OutboxBatch, OutboxRecord, Position
from receiver.operate.rejoin_plan import placeholder
from receiver.publish.refused import refused


def event(number: int, sequence: int) -> OutboxRecord:
    """An event of the one operation."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None,
        value=orjson.dumps({"sequence": sequence}),
    )  # fmt: skip


def withheld(record: OutboxRecord) -> OutboxRecord:
    """What stands in the place of an event that Kafka refused in every form."""
    entry = JournalEntry(record.number, VerifiedCallback("main", 1, ((b"content-type", b"a/b"),), b"{}"))
    for _ in range(3):
        record = refused(record, entry, "InvalidTimestampError", frozenset())
    assert record.record_type == "withheld"
    return record


def commit(folder: Path, *records: OutboxRecord) -> SqliteOutbox:
    """An outbox with these records; its one operation is among the keys, as it would be."""
    open_journal(folder)
    outbox = SqliteOutbox.open(folder)
    outbox.commit(OutboxBatch(records=list(records), states={"0xpay:m:exchange:op": OperationState()}))
    return outbox


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_withheld_event_is_a_sequence_that_is_missed_and_its_redrive_no_gap(tmp_path: Path, place: int) -> None:
    """A redrive gives the event the operation's next sequence: first, last or in between, the check is content."""
    events = [event(number, number) for number in (1, 2, 3)]
    outbox = commit(tmp_path / "journal", *events)
    outbox.replace(withheld(events[place - 1]))
    assert check(tmp_path / "journal") == []
    outbox.commit(OutboxBatch(records=[event(4, 4)]))
    outbox.close()
    assert check(tmp_path / "journal") == []


def test_a_gap_that_nothing_stands_for_is_still_named(tmp_path: Path) -> None:
    """One withheld event explains one sequence and no more."""
    events = [event(1, 1), event(2, 2), event(3, 4)]
    outbox = commit(tmp_path / "journal", *events)
    outbox.replace(withheld(events[1]))
    outbox.close()
    assert check(tmp_path / "journal") == ["record 3: 0xpay:m:exchange:op goes from sequence 2 to 4"]


def test_what_rejoin_puts_in_the_place_of_an_unknown_record_says_nothing_of_sequences(tmp_path: Path) -> None:
    """It stands for no operation, and its value is empty."""
    outbox = commit(tmp_path / "journal", placeholder(Position(1, "id-1"), None))
    outbox.close()
    assert check(tmp_path / "journal") == []
