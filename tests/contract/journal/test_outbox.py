"""One suite over the fake outbox and the real one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.ports import Outbox
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.model.callback import EntryId
from receiver.model.errors import StoreFailed
from receiver.model.operation import Operation, OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress, Quarantined

KEY = "0xpay:m:exchange:a"


@pytest.fixture(params=["fake", "sqlite"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    """An empty outbox of each make."""
    if request.param == "fake":
        yield MemoryOutbox()
        return
    open_journal(tmp_path / "journal")
    store = SqliteOutbox.open(tmp_path / "journal")
    yield store
    store.close()


def record(number: int, value: bytes = b"{}") -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", "a\x00b", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=value,
    )  # fmt: skip


def batch(*numbers: int, state: OperationState, progress: int) -> OutboxBatch:
    """A batch with one event per number, all of one operation."""
    return OutboxBatch(
        records=[record(number) for number in numbers],
        outcomes=[Outcome("inbox", number, "event", number, KEY) for number in numbers],
        states={KEY: state},
        seen=[(KEY, Seen(f"id-{number}", bytes([number]) * 32, number)) for number in numbers],
        progress={"inbox": Progress(progress, b"d" * 32)},
    )


STATE = OperationState(
    2, "Done", 2, terminal=True, updated_at="2024-05-27T08:55:30Z", arrival=2, event_id="id-2",
    revisions={"Exchanged": 1, "Done": 1},
)  # fmt: skip


def test_a_new_outbox_is_empty(outbox: Outbox) -> None:
    """Nothing is known, and numbers begin after 0."""
    assert outbox.last_number() == 0
    assert outbox.progress("inbox") == Progress()
    assert outbox.operations([KEY]) == {}
    assert list(outbox.read(0, 10)) == []
    assert outbox.record_id(1) is None


def test_a_batch_is_kept_whole(outbox: Outbox) -> None:
    """Records, states, contents and progress of a committed batch are all there, as they were given."""
    outbox.commit(batch(1, 2, state=STATE, progress=2))
    assert list(outbox.read(0, 10)) == [record(1), record(2)]
    assert list(outbox.read(1, 10)) == [record(2)]
    assert list(outbox.read(0, 1)) == [record(1)]
    assert outbox.last_number() == 2
    assert outbox.record_id(2) == "id-2"
    assert outbox.progress("inbox") == Progress(2, b"d" * 32)
    seen = (Seen("id-1", b"\x01" * 32, 1), Seen("id-2", b"\x02" * 32, 2))
    assert outbox.operations([KEY, "other"]) == {KEY: Operation(STATE, seen)}


def test_a_later_batch_adds_to_an_operation(outbox: Outbox) -> None:
    """The newest state replaces the older one; contents add up."""
    outbox.commit(batch(1, state=OperationState(1, "Exchanged", 1, revisions={"Exchanged": 1}), progress=1))
    outbox.commit(batch(2, state=STATE, progress=2))
    known = outbox.operations([KEY])[KEY]
    assert known.state == STATE
    assert [seen.event_id for seen in known.seen] == ["id-1", "id-2"]


def test_the_local_copy_of_kafkas_position(outbox: Outbox) -> None:
    """Each cluster has its own copy, and the one written last is known as such."""
    assert outbox.remembered("one") is None
    assert outbox.latest_remembered() is None
    outbox.remember("one", Position(1, "id-1"))
    outbox.remember("two", Position(2, "id-2"))
    outbox.remember("one", Position(3, "id-3"))
    assert outbox.remembered("one") == Position(3, "id-3")
    assert outbox.remembered("two") == Position(2, "id-2")
    assert outbox.latest_remembered() == ("one", Position(3, "id-3"))


def test_a_refused_record_is_replaced_in_its_place(outbox: Outbox) -> None:
    """Another record stands at its number; the order and the rest stay."""
    outbox.commit(batch(1, 2, 3, state=STATE, progress=3))
    instead = replace(record(2), record_type="quarantine", record_id="2", value=b'{"reason": "x", "detail": "y"}')
    outbox.replace(instead)
    assert list(outbox.read(0, 10)) == [record(1), instead, record(3)]
    assert outbox.record_id(2) == "2"
    second = EntryId("inbox", 2)
    standing = Quarantined(second, "main", "x", "y", "2024-05-27T08:55:30.012345Z", "open", "", 2)
    assert outbox.quarantined([EntryId("inbox", 1), EntryId("requests", 2), second]) == {second: standing}
    assert outbox.last_number() == 3


def test_standings_in_quarantine(outbox: Outbox) -> None:
    """A newer standing takes the older one's place; the number of its quarantine record is not forgotten."""
    seven, answer = EntryId("inbox", 7), EntryId("requests", 7)
    first = Quarantined(seven, "main", "schema", "id", "2024-05-27T08:55:30.012345Z", "open", "", 3)
    outbox.commit(OutboxBatch(quarantined=[first]))
    assert outbox.quarantined([EntryId("inbox", 6), seven, answer]) == {seven: first}
    outbox.commit(OutboxBatch(quarantined=[replace(first, reason="unknown_status", record=None)]))
    assert outbox.quarantined([seven]) == {seven: replace(first, reason="unknown_status")}
    outbox.commit(OutboxBatch(quarantined=[replace(first, id=answer)]))
    assert outbox.quarantined([seven, answer])[answer] == replace(first, id=answer)


def test_a_batch_is_committed_only_where_it_follows(outbox: Outbox) -> None:
    """Another hand changed the outbox meanwhile: nothing of the batch is kept."""
    outbox.commit(batch(1, state=STATE, progress=1))
    late = batch(2, state=STATE, progress=2)
    late.follows = (0, 0)
    with pytest.raises(StoreFailed):
        outbox.commit(late)
    assert outbox.last_number() == 1
    late.follows = (1, 1)
    outbox.commit(late)
    assert outbox.last_number() == 2


def test_a_batch_of_any_size_is_kept_whole_and_in_order(outbox: Outbox) -> None:
    """Rows are written many at once, in more than one size."""
    many = range(1, 64 + 2 * 8 + 3)
    outbox.commit(batch(*many, state=STATE, progress=len(many)))
    assert [one.number for one in outbox.read(0, 1000)] == list(many)
    assert [one.record for one in outbox.operations([KEY])[KEY].seen] == list(many)
    others = {f"{KEY}{number}": STATE for number in many}
    outbox.commit(OutboxBatch(states={**others, KEY: STATE}))
    assert set(outbox.operations(list(others))) == set(others)
    assert [one.record for one in outbox.operations([KEY])[KEY].seen] == list(many)
