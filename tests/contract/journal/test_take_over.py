"""An outbox that is changed by hand, on each engine: what is undone, what takes its place, and what is told then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest

from receiver.journal.ports import Outbox, TakeOver
from receiver.model.callback import EntryId, JournalEntry, Store, entry_digest
from receiver.model.errors import StoreFailed
from receiver.model.operation import Operation, OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position, Progress
from tests.contract.journal.conftest import Made
from tests.contract.journal.samples import batch, callback, event, key, quarantine_record, standing


@pytest.fixture
def hand(made: Made) -> Iterator[TakeOver]:
    """A person's hand, in a process of its own."""
    store = made.another().take_over()
    yield store
    store.close()


@pytest.fixture
def filled(outbox: Outbox) -> Outbox:
    """Operations a, b and c; the records 3 and 7 came of answers, the fourth callback is in quarantine."""
    records = [event(1, "a"), event(2, "b"), event(3, "a", callback=None), quarantine_record(4)]
    outbox.commit(batch([*records, event(5, "a"), event(6, "c"), event(7, "b", callback=None)], interpreted=6))
    return outbox


def key_of(record: OutboxRecord) -> str:
    """The key of an event's operation."""
    return key(record.operation_id)


def fold(events: Iterable[OutboxRecord]) -> OperationState:
    """A state that tells which events it was made of."""
    ids = [record.record_id for record in events]
    return OperationState(len(ids), "Done", event_id=ids[-1], revisions=dict.fromkeys(ids, 1))


def entry_at(number: int) -> JournalEntry | None:
    """The inbox; its fifth callback was purged."""
    return None if number == 5 else JournalEntry(number, callback(number))


def taken(number: int, operation: str) -> OutboxRecord:
    """An event as Kafka has it: which callback it came of is not known."""
    return event(number, operation, record_id=f"kafka-{number}", callback=None)


def take(hand: TakeOver, keep_to: int, *records: OutboxRecord) -> int:
    """Take these over."""
    return hand.take_over(keep_to, records, key_of=key_of, fold=fold, entry_at=entry_at)


def told(outbox: Outbox, *operations: str) -> dict[str, Operation]:
    """The operations that are known, by their ids."""
    found = outbox.operations(list(map(key, operations)))
    return {one: found[key(one)] for one in operations if key(one) in found}


def test_records_are_undone_and_others_take_their_place(hand: TakeOver, filled: Outbox) -> None:
    """Their callbacks are interpreted again; a number that was given is never given again."""
    assert take(hand, 3, taken(4, "b"), taken(5, "d")) == 3
    assert [record.record_id for record in filled.read(0, 99)] == ["id-1", "id-2", "id-3", "kafka-4", "kafka-5"]
    assert filled.read(3, 1)[0] == taken(4, "b")
    assert filled.last_number() == 7
    filled.commit(batch([event(8, "e")]))
    assert [record.number for record in filled.read(0, 99)] == [1, 2, 3, 4, 5, 8]


def test_operations_are_what_their_events_left_behind(hand: TakeOver, filled: Outbox) -> None:
    """Those that are left, and those that were taken; an operation without any is unknown again."""
    take(hand, 3, taken(4, "b"), taken(5, "d"))
    expected = {
        "a": ((1, "id-1"), (3, "id-3")),
        "b": ((2, "id-2"), (4, "kafka-4")),
        "d": ((5, "kafka-5"),),
    }
    known = told(filled, "a", "b", "c", "d")
    assert set(known) == set(expected)
    for one, contents in expected.items():
        ids = [record_id for _, record_id in contents]
        assert known[one].state == OperationState(
            len(ids), "Done", event_id=ids[-1], revisions=dict.fromkeys(ids, 1)
        ), one
        assert known[one].seen == tuple(Seen(record_id, b"", number) for number, record_id in contents), one


def test_the_next_operation_has_nothing_of_one_that_is_gone(made: Made, hand: TakeOver, outbox: Outbox) -> None:
    """Of which one event's content is forgotten, one was refused by Kafka and one is undone, so that none is left."""
    outbox.commit(batch([event(1, "a"), event(2, "gone")]))
    assert outbox.purge(None, "2024-05-28", 9) == 2
    outbox.commit(batch([event(3, "gone", 2)]))
    outbox.replace(quarantine_record(3))
    outbox.commit(batch([event(4, "gone", 2)]))
    assert take(hand, 3) == 3
    assert told(outbox, "gone") == {}
    with closing(made.another().take_over()) as later:  # who was there before gives no number again
        take(later, 3, taken(4, "next"))
    assert told(outbox, "next")["next"].seen == (Seen("kafka-4", b"", 4),)
    with closing(made.journal.search()) as search:
        (found,) = search.operations_by_key([key("next")])
        assert search.arrivals(found.number) == []
        assert search.records_of(found.number) == [4]
        assert search.operations_by_key([key("gone")]) == []


def test_outcomes_of_what_is_interpreted_again_are_gone(hand: TakeOver, filled: Outbox) -> None:
    """Of callbacks and of answers, each from the first whose record is undone; what stands in quarantine does."""
    take(hand, 3, taken(4, "b"))
    assert filled.outcomes_between(0, 99) == {
        1: Outcome("inbox", 1, "event", 1, key("a")),
        2: Outcome("inbox", 2, "event", 2, key("b")),
    }
    assert [filled.request_of(number) for number in (3, 7)] == [3, None]
    assert filled.quarantined([EntryId("inbox", 4)]) == {EntryId("inbox", 4): standing(EntryId("inbox", 4), 4)}


def test_progress_goes_back_with_the_digest_of_the_entry_there(hand: TakeOver, filled: Outbox) -> None:
    """So that a foreign inbox is noticed; an entry that was purged has no digest."""
    take(hand, 3)
    third = entry_at(3)
    assert third is not None
    assert filled.progress("inbox") == Progress(3, entry_digest(third))
    assert filled.progress("requests") == Progress(6, b"")


def test_where_the_entry_there_was_purged_there_is_no_digest(hand: TakeOver, filled: Outbox) -> None:
    """Answers before it are left alone."""
    assert take(hand, 5) == 5
    assert filled.progress("inbox") == Progress(5, b"")
    assert filled.progress("requests") == Progress(6, b"")
    assert set(told(filled, "a", "b", "c")) == {"a", "b"}


@pytest.mark.parametrize("store", ["inbox", "requests"])
def test_progress_never_goes_forward(hand: TakeOver, filled: Outbox, store: Store) -> None:
    """What was redriven meanwhile would have those before it skipped, which wait to be interpreted again."""
    take(hand, 1)
    assert (filled.progress("inbox").number, filled.progress("requests").number) == (1, 2)
    filled.commit(
        OutboxBatch(records=[event(8, "a")], outcomes=[Outcome(store, 5, "event", 8, None)], states={}, seen=[])
    )
    assert take(hand, 1) == 1
    assert (filled.progress("inbox").number, filled.progress("requests").number) == (1, 2)
    assert filled.outcomes_between(2, 99) == {}
    assert filled.request_of(8) is None


def test_nothing_above_is_undone_where_there_is_nothing(hand: TakeOver, filled: Outbox) -> None:
    """What Kafka has beyond our last record is taken all the same."""
    assert take(hand, 7, taken(8, "a"), taken(10, "f")) == 6
    assert [record.number for record in filled.read(0, 99)] == [*range(1, 9), 10]
    assert filled.last_number() == 10
    assert filled.progress("inbox").number == 6
    assert filled.progress("requests").number == 7
    assert len(filled.outcomes_between(0, 99)) == 5
    known = told(filled, "a", "f")
    assert [content.record for content in known["a"].seen] == [1, 3, 5, 8]
    assert known["a"].state.sequence == 4
    assert known["f"].state.sequence == 1


def test_a_quarantine_record_is_taken_over_like_an_event(hand: TakeOver, filled: Outbox) -> None:
    """It belongs to no operation."""
    theirs = quarantine_record(4, callback=None, value=b'{"reason": "schema"}')
    assert take(hand, 3, theirs) == 3
    assert filled.read(3, 9) == [theirs]
    assert set(told(filled, "a", "b", "c", "")) == {"a", "b"}


def test_what_stands_in_the_place_of_a_refused_event_is_no_event(hand: TakeOver, filled: Outbox) -> None:
    """Its operation is folded from the others: a quarantine record tells nothing of it. Its content is still known."""
    filled.replace(quarantine_record(1))
    take(hand, 3)
    (a,) = told(filled, "a").values()
    assert (a.state.sequence, a.state.event_id) == (1, "id-3")
    assert [(content.event_id, content.payload_digest) for content in a.seen] == [("id-1", b"\x01" * 32), ("id-3", b"")]


def test_contents_whose_records_were_purged_are_still_known(made: Made, hand: TakeOver, filled: Outbox) -> None:
    """A provider's late retry of one is no news."""
    filled.remember("cluster", Position(3, "id-3"))
    assert filled.purge("2024-05-28", None, 9) == 2
    take(hand, 3)
    (a,) = told(filled, "a").values()
    assert [(content.record, content.payload_digest) for content in a.seen] == [(1, b"\x01" * 32), (3, b"")]
    search = made.another().search()
    (found,) = search.operations_by_key([key("a")])
    assert search.records_of(found.number) == [1, 3]
    assert search.arrivals(found.number) == [Outcome("requests", 3, "event", 3, key("a"))]
    search.close()


def test_an_operation_keeps_its_place(made: Made, hand: TakeOver, filled: Outbox) -> None:
    """Whoever looks it up finds it where it was."""
    search = made.another().search()
    before = search.operations_by_key([key("a"), key("b")])
    take(hand, 3)
    assert search.operations_by_key([key("a"), key("b"), key("c")]) == before
    search.close()
    assert filled.last_number() == 7


def test_the_service_notices_that_its_outbox_moved(hand: TakeOver, filled: Outbox) -> None:
    """What it had interpreted meanwhile does not follow on what is there now."""
    late = batch([event(8, "a")], follows=(6, 7))
    take(hand, 3)
    with pytest.raises(StoreFailed):
        filled.commit(late)


def test_where_it_fails_nothing_has_changed(hand: TakeOver, filled: Outbox) -> None:
    """All is one transaction, whatever it is that fails in it."""

    def fails(_: Iterable[OutboxRecord]) -> OperationState:
        raise ValueError("a test")

    before = list(filled.read(0, 99)), told(filled, "a", "b", "c"), filled.outcomes_between(0, 99)
    with pytest.raises(ValueError, match="a test"):
        hand.take_over(3, [taken(4, "b")], key_of=key_of, fold=fails, entry_at=entry_at)
    assert (list(filled.read(0, 99)), told(filled, "a", "b", "c"), filled.outcomes_between(0, 99)) == before
    assert (filled.progress("inbox").number, filled.progress("requests").number) == (6, 7)
    assert take(hand, 3, taken(4, "b")) == 3


def test_a_person_says_where_kafka_stands(hand: TakeOver, filled: Outbox) -> None:
    """It is the latest copy, and the service's own."""
    filled.remember("one", Position(3, "id-3"))
    hand.remember("two", Position(2, "id-2"))
    assert filled.latest_remembered() == ("two", Position(2, "id-2"))
    assert filled.remembered("one") == Position(3, "id-3")
