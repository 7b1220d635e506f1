"""Where publishing goes on, and when it must not."""

from __future__ import annotations

import pytest

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.slots import first_record
from receiver.model.errors import KafkaStopped
from receiver.model.records import NOTHING_PUBLISHED, OutboxBatch, OutboxRecord, Position
from receiver.publish.ports import Memory
from receiver.publish.position import counts_as_committed, decide_start, is_there, start_of

IDS = {1: "a", 2: "b", 3: "c"}


def start(
    position: Position | None, remembered: Position | None = None, latest: tuple[str, Position] | None = None
) -> Position:
    """Decide for a journal with three records."""
    return decide_start(Memory("here", position), 3, IDS.get, remembered, latest).position


def test_a_new_journal_begins_at_the_beginning() -> None:
    """Neither Kafka nor we remember anything."""
    assert start(None) == NOTHING_PUBLISHED


def test_kafka_is_believed() -> None:
    """It may be ahead of our copy, which is written after it."""
    assert start(Position(2, "b"), Position(1, "a")) == Position(2, "b")
    assert start(Position(3, "c")) == Position(3, "c")


def test_a_cluster_never_seen_goes_on_where_the_one_before_stood_and_says_so() -> None:
    """Moving to a new cluster repeats nothing; replay fills the past."""
    decided = decide_start(Memory("new", None), 3, IDS.get, None, ("old", Position(2, "b")))
    assert decided.position == Position(2, "b")
    assert "new cluster new" in decided.note
    assert "replay" in decided.note


@pytest.mark.parametrize(
    ("position", "remembered", "says"),
    [
        (Position(4, "d"), None, "older copy"),
        (Position(2, "x"), None, "different histories"),
        (Position(1, "a"), Position(2, "b"), "lost what it had acknowledged"),
        (None, Position(2, "b"), "remembers nothing"),
    ],
)
def test_what_does_not_fit_stops_aloud(position: Position | None, remembered: Position | None, says: str) -> None:
    """Guessing would lose or repeat; the message says what is wrong and what mends it."""
    with pytest.raises(KafkaStopped, match=says) as stopped:
        start(position, remembered)
    assert "receiver journal rejoin" in str(stopped.value)


def test_the_way_to_mend_it_names_the_slot() -> None:
    """By its number, which tells the slot; that of slot 0 is what the command takes without a word."""
    for slot, says in ((0, "run `receiver journal rejoin`"), (3, "run `receiver journal rejoin --slot 3`")):
        first = first_record(slot)
        for memory, remembered in (
            (Position(first + 2, "b"), None),
            (Position(first + 1, "b"), None),
            (Position(first + 1, "a"), Position(first + 2, "b")),
            (None, Position(first + 2, "b")),
        ):
            with pytest.raises(KafkaStopped) as stopped:
                decide_start(Memory("here", memory), first + 1, {first + 1: "a"}.get, remembered, None)
            assert str(stopped.value).endswith(says)


def test_an_outbox_has_a_position_while_it_has_its_record() -> None:
    """One that is not there, and one that is another's by now, are the same; nothing is always there."""
    assert is_there(Position(2, "b"), IDS.get)
    assert not is_there(Position(2, "x"), IDS.get)
    assert not is_there(Position(4, "d"), IDS.get)
    assert is_there(NOTHING_PUBLISHED, IDS.get)


def test_the_outbox_is_asked_for_its_end_its_records_and_its_copies() -> None:
    """Each of the things to be compared comes from the outbox itself: the copy is the one of this cluster."""
    outbox = MemoryOutbox()
    outbox.commit(OutboxBatch(records=[record(number, name) for number, name in IDS.items()]))
    assert start_of(Memory("here", Position(2, "b")), outbox).position == Position(2, "b")
    for wrong in (Position(4, "d"), Position(2, "x")):
        with pytest.raises(KafkaStopped):
            start_of(Memory("here", wrong), outbox)
    outbox.remember("here", Position(3, "c"))
    with pytest.raises(KafkaStopped, match="lost what it had acknowledged"):
        start_of(Memory("here", Position(2, "b")), outbox)
    assert start_of(Memory("elsewhere", None), outbox).position == Position(3, "c")


def record(number: int, name: str) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", name, "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reaches", "left", "seen", "committed"),
    [
        (30, {11, 30}, set(), False),
        (30, {11}, {12}, True),
        (30, set(), {10, 31}, False),
        (None, {29, 30}, set(), False),
        (None, {9, 10}, set(), True),
        (0, set(), {1}, False),
    ],
)
def test_an_open_transaction_ends_as_what_can_be_seen_of_it(
    reaches: int | None, left: set[int], seen: set[int], *, committed: bool
) -> None:
    """Position 10 can be seen: a record beyond it that can be seen too was committed, and so was the rest of it."""
    assert counts_as_committed(10, reaches, left, seen) is committed
