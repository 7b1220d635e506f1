"""The outbox of each engine: a batch is kept whole or not at all, and what was kept is told again as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receiver.journal.ports import Outbox
from receiver.model.callback import EntryId
from receiver.model.errors import StoreFailed
from receiver.model.forgotten import holds, lost_some
from receiver.model.operation import Operation, OperationState, Seen
from receiver.model.records import OutboxBatch, Outcome, Position, Progress
from tests.contract.journal.conftest import Made
from tests.contract.journal.samples import START, START_US, batch, event, key, quarantine_record, standing, state

KEY = key("a")


def test_a_new_outbox_is_empty(outbox: Outbox) -> None:
    """Nothing is known, and numbers begin after 0."""
    assert outbox.last_number() == 0
    assert outbox.progress("inbox") == Progress()
    assert outbox.operations([KEY]) == {}
    assert list(outbox.read(0, 10)) == []
    assert outbox.record_id(1) is None
    assert outbox.request_of(1) is None
    assert outbox.next_record_us(0) is None
    assert outbox.outcomes_between(0, 10) == {}
    assert outbox.last_heard() == {}
    assert outbox.latest_remembered() is None
    assert outbox.settled([1]) == set()
    assert outbox.purge("9", "9", 10) == 0


def test_a_batch_is_kept_whole(made: Made, outbox: Outbox) -> None:
    """Records, states, contents and progress of a committed batch are all there, as they were given."""
    odd = event(
        2,
        operation_id="a",
        value=b'{"\x00": "\xc3\xa9"}',
        traceparent="00-1-2-03",
        account=None,
        publish=False,
        simulated=True,
    )
    outbox.commit(batch([event(1), odd]))
    beside = made.another().outbox()
    for store in (outbox, beside):
        assert list(store.read(0, 10)) == [event(1), odd]
        assert list(store.read(1, 10)) == [odd]
        assert list(store.read(0, 1)) == [event(1)]
        assert store.last_number() == 2
        assert store.record_id(2) == "id-2"
        assert store.progress("inbox") == Progress(2, b"d" * 32)
        contents = (Seen("id-1", b"\x01" * 32, 1), Seen("id-2", b"\x02" * 32, 2))
        assert store.operations([KEY, "other"]) == {KEY: Operation(state(2), contents)}
    beside.close()


def test_an_operations_id_may_hold_anything(outbox: Outbox) -> None:
    """Also what a text of C ends with."""
    odd = event(1, operation="a\x00b")
    outbox.commit(batch([odd, event(2, operation="a\x00c"), event(3, operation="é%:_")]))
    assert outbox.read(0, 1)[0] == odd
    keys = [key("a\x00b"), key("a\x00c"), key("é%:_")]
    assert {one: known.state.sequence for one, known in outbox.operations(keys).items()} == {
        one: at for at, one in enumerate(keys, start=1)
    }
    assert outbox.operations([key("a")]) == {}


def test_a_later_batch_adds_to_an_operation(outbox: Outbox) -> None:
    """The newest state replaces the older one; contents add up."""
    outbox.commit(batch([event(1)], states={KEY: OperationState(1, "Exchanged", 1, revisions={"Exchanged": 1})}))
    outbox.commit(batch([event(2)]))
    known = outbox.operations([KEY])[KEY]
    assert known.state == state(2)
    assert [seen.event_id for seen in known.seen] == ["id-1", "id-2"]


def test_a_batch_of_any_size_is_kept_whole_and_in_order(outbox: Outbox) -> None:
    """Rows are written many at once, in more than one size."""
    many = range(1, 64 + 2 * 8 + 3)
    outbox.commit(batch(map(event, many)))
    assert [one.number for one in outbox.read(0, 1000)] == list(many)
    assert [one.record for one in outbox.operations([KEY])[KEY].seen] == list(many)
    others = {f"{KEY}{number}": state(number) for number in many}
    outbox.commit(OutboxBatch(states={**others, KEY: state(2)}))
    assert set(outbox.operations(list(others))) == set(others)
    assert [one.record for one in outbox.operations([KEY])[KEY].seen] == list(many)


def test_a_batch_is_committed_only_where_it_follows(outbox: Outbox) -> None:
    """Another hand changed the outbox meanwhile: nothing of the batch is kept."""
    outbox.commit(batch([event(1)]))
    late = batch([event(2)], follows=(0, 0))
    with pytest.raises(StoreFailed):
        outbox.commit(late)
    assert outbox.last_number() == 1
    late.follows = (1, 1)
    outbox.commit(late)
    assert outbox.last_number() == 2


def test_of_a_batch_with_a_number_that_was_given_nothing_is_kept(outbox: Outbox) -> None:
    """Neither its other records nor anything else; the outbox goes on with the next batch."""
    outbox.commit(batch([event(1)]))
    wrong = batch(
        [event(2, operation="b"), event(1)], quarantined=[standing(EntryId("inbox", 2), 2)], last_heard_us={"main": 5}
    )
    with pytest.raises(StoreFailed):
        outbox.commit(wrong)
    assert (outbox.last_number(), outbox.last_heard()) == (1, {})
    assert outbox.progress("inbox") == Progress(1, b"d" * 32)
    assert set(outbox.operations([KEY, key("b")])) == {KEY}
    assert outbox.quarantined([EntryId("inbox", 2)]) == {}
    outbox.commit(batch([event(2, operation="b")]))
    assert [one.number for one in outbox.read(0, 10)] == [1, 2]


def test_which_callbacks_nobody_could_read_is_known(outbox: Outbox) -> None:
    """Also those that a person has closed; not those that were redriven, and no answers of an API."""
    places = [EntryId("inbox", number) for number in (2, 3, 4, 9)]
    states = ["open", "closed", "redriven", "open"]
    standings = [standing(at, None, state=said) for at, said in zip(places, states, strict=True)]
    outbox.commit(batch([event(1)], quarantined=[*standings, standing(EntryId("requests", 5), None)]))
    assert outbox.in_quarantine_between(1, 8) == {2, 3}
    assert outbox.in_quarantine_between(3, 9) == {3, 9}
    assert outbox.in_quarantine_between(5, 8) == set()


def test_a_read_may_be_short_and_a_cursor_gets_all(outbox: Outbox) -> None:
    """Large records come a few at a time, each of them at least alone."""
    records = [event(number, value=b"%d" % number + b"x" * 3_000_000) for number in range(1, 8)]
    outbox.commit(batch(records))
    found = [*outbox.read(0, 100)]
    while more := outbox.read(found[-1].number, 100):
        found += more
    assert found == records


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
    outbox.commit(batch([event(1), event(2), event(3)]))
    instead = replace(event(2), record_type="quarantine", record_id="2", value=b'{"reason": "x", "detail": "y"}')
    outbox.replace(instead)
    assert list(outbox.read(0, 10)) == [event(1), instead, event(3)]
    assert outbox.record_id(2) == "2"
    second = EntryId("inbox", 2)
    assert outbox.quarantined([EntryId("inbox", 1), EntryId("requests", 2), second]) == {
        second: standing(second, 2, reason="x", detail="y")
    }
    assert {at: one.outcome for at, one in outbox.outcomes_between(1, 3).items()} == {
        1: "event", 2: "quarantine", 3: "event",
    }  # fmt: skip
    assert outbox.last_number() == 3


def test_the_record_of_an_answer_is_replaced_too(outbox: Outbox) -> None:
    """Its request, and no callback of the same number, is in quarantine then."""
    outbox.commit(batch([event(1), event(2, callback=None)]))
    answer = EntryId("requests", 2)
    outbox.replace(quarantine_record(2, answer, callback=None))
    assert outbox.quarantined([EntryId("inbox", 2), answer]) == {answer: standing(answer, 2)}
    assert outbox.request_of(2) is None


def test_a_record_that_kafka_refuses_in_any_form_is_withheld(outbox: Outbox) -> None:
    """It stands in its place, goes nowhere, and puts nothing in quarantine a second time."""
    outbox.commit(batch([quarantine_record(1), event(2)]))
    withheld = quarantine_record(1, record_type="withheld")
    outbox.replace(withheld)
    assert list(outbox.read(0, 10)) == [withheld, event(2)]
    assert outbox.quarantined([EntryId("inbox", 1)]) == {EntryId("inbox", 1): standing(EntryId("inbox", 1), 1)}


def test_standings_in_quarantine(outbox: Outbox) -> None:
    """A newer standing takes the older one's place; the number of its quarantine record is not forgotten."""
    seven, answer = EntryId("inbox", 7), EntryId("requests", 7)
    first = standing(seven, 3)
    outbox.commit(OutboxBatch(quarantined=[first]))
    assert outbox.quarantined([EntryId("inbox", 6), seven, answer]) == {seven: first}
    outbox.commit(OutboxBatch(quarantined=[replace(first, reason="unknown_status", record=None)]))
    assert outbox.quarantined([seven]) == {seven: replace(first, reason="unknown_status")}
    outbox.commit(OutboxBatch(quarantined=[replace(first, id=answer)]))
    assert outbox.quarantined([seven, answer])[answer] == replace(first, id=answer)
    outbox.commit(OutboxBatch(quarantined=[replace(first, state="closed", why="a test", record=9)]))
    assert outbox.quarantined([seven]) == {seven: replace(first, state="closed", why="a test", record=9)}


def test_what_became_of_a_range_of_callbacks(outbox: Outbox) -> None:
    """Both ends count; answers do not; an operation is named where the outbox knows it."""
    outbox.commit(batch([event(1), quarantine_record(2), event(3, "b"), event(4, callback=None)]))
    others = [Outcome("inbox", 5, "duplicate", 3, key("b")), Outcome("inbox", 6, "duplicate", None, key("nobody"))]
    outbox.commit(OutboxBatch(outcomes=others))
    assert outbox.outcomes_between(2, 6) == {
        2: Outcome("inbox", 2, "quarantine", 2, None),
        3: Outcome("inbox", 3, "event", 3, key("b")),
        5: others[0],
        6: replace(others[1], operation=None),
    }
    assert list(outbox.outcomes_between(1, 1)) == [1]
    assert outbox.outcomes_between(7, 6) == {}
    outbox.commit(OutboxBatch(outcomes=[Outcome("inbox", 2, "event", 7, KEY)]))
    assert outbox.outcomes_between(2, 2) == {2: Outcome("inbox", 2, "event", 7, KEY)}, "redriven"


def test_the_request_whose_answer_became_a_record(outbox: Outbox) -> None:
    """A callback's record has none, and neither has that of an answer that became no event."""
    outbox.commit(
        batch([event(1), event(2, callback=None), quarantine_record(3, EntryId("requests", 3), callback=None)])
    )
    repeated = [Outcome("requests", 9, "duplicate", 2, KEY), Outcome("requests", 8, "duplicate", 1, KEY)]
    outbox.commit(OutboxBatch(outcomes=repeated))
    assert [outbox.request_of(number) for number in range(1, 5)] == [None, 2, None, None]


def test_the_time_of_the_next_record(outbox: Outbox) -> None:
    """For how long the oldest event has waited."""
    outbox.commit(batch([event(1), event(2, day=1)]))
    assert outbox.next_record_us(0) == START_US
    assert outbox.next_record_us(1) == START_US + 86_400_000_000
    assert outbox.next_record_us(2) is None


def test_the_newest_callback_of_each_source(outbox: Outbox) -> None:
    """Never an older one, in whatever order they are interpreted."""
    outbox.commit(OutboxBatch(last_heard_us={"main": 50, "other": 10}))
    outbox.commit(OutboxBatch(last_heard_us={"main": 40, "other": 11}))
    assert outbox.last_heard() == {"main": 50, "other": 11}


def test_what_is_settled(outbox: Outbox) -> None:
    """Interpreted, published as far as it became something, and not in quarantine."""
    outbox.commit(batch([event(1), quarantine_record(2), event(3), event(4)], interpreted=8))
    outbox.commit(
        OutboxBatch(
            outcomes=[
                Outcome("inbox", 5, "duplicate", 3, KEY),
                Outcome("inbox", 6, "duplicate", 4, KEY),
                Outcome("inbox", 7, "duplicate", None, KEY),
            ]
        )
    )
    assert outbox.settled(range(1, 12)) == set(), "nothing is published"
    outbox.remember("cluster", Position(3, "id-3"))
    assert outbox.settled(range(1, 12)) == {1, 3, 5, 7, 8}, "of the eighth the outcome was purged"
    assert outbox.settled([4, 5]) == {5}
    outbox.remember("another cluster", Position(4, "id-4"))
    assert outbox.settled(range(1, 12)) == {1, 3, 4, 5, 6, 7, 8}


def days(*at: int) -> OutboxBatch:
    """An event of one operation on each of these days after the start."""
    return batch([event(number, day=day) for number, day in enumerate(at, start=1)])


def before(day: int) -> str:
    """The beginning of a day after the start, RFC 3339."""
    return f"2024-05-{27 + day}T00:00:00.000000Z"


def test_only_what_is_published_is_purged(outbox: Outbox) -> None:
    """And the last published record stays: Kafka's position names it."""
    outbox.commit(days(0, 0, 0, 0))
    assert outbox.purge(before(2), None, 100) == 0
    outbox.remember("cluster", Position(3, "id-3"))
    assert outbox.purge(before(2), None, 100) == 2
    assert [record.number for record in outbox.read(0, 10)] == [3, 4]
    assert outbox.purge(before(2), None, 100) == 0
    assert (outbox.last_number(), outbox.record_id(1)) == (4, None)
    assert list(outbox.outcomes_between(1, 4)) == [3, 4]
    assert outbox.settled([1, 2, 3, 4]) == {1, 2, 3}


def test_events_are_purged_by_age_a_few_at_a_time(outbox: Outbox) -> None:
    """The oldest first, and none that is younger; states and contents of their operations stay."""
    outbox.commit(days(0, 0, 0, 1, 2, 2))
    outbox.remember("cluster", Position(6, "id-6"))
    assert outbox.purge(before(2), None, 3) == 3
    assert [record.number for record in outbox.read(0, 10)] == [4, 5, 6]
    assert outbox.purge(before(2), None, 3) == 1
    assert [record.number for record in outbox.read(0, 10)] == [5, 6]
    known = outbox.operations([KEY])[KEY]
    assert known.state == state(6)
    assert [content.record for content in known.seen] == [1, 2, 3, 4, 5, 6]


def test_contents_are_purged_by_the_day_of_their_callback(outbox: Outbox) -> None:
    """Also long after their records went; the operation's state stays for ever, and so do their marks."""
    outbox.commit(days(0, 1, 2, 2))
    outbox.remember("cluster", Position(4, "id-4"))
    assert outbox.purge(before(2), before(1), 100) == 2 + 1
    assert [content.record for content in outbox.operations([KEY])[KEY].seen] == [2, 3, 4]
    assert outbox.purge(None, before(2), 100) == 1
    assert outbox.purge(None, before(9), 1) == 1
    assert outbox.purge(None, before(9), 100) == 1
    left = outbox.operations([KEY])[KEY]
    assert left == Operation(state(4), (), left.forgotten)
    assert all(holds(left.forgotten, f"id-{number}") for number in range(1, 5))
    assert all(holds(left.forgotten, bytes([number]) * 32) for number in range(1, 5))
    assert not lost_some(left.forgotten)
    assert outbox.purge(None, None, 100) == 0
    assert [record.number for record in outbox.read(0, 10)] == [3, 4]
    outbox.commit(batch([event(5)]))
    assert outbox.operations([KEY])[KEY].forgotten == left.forgotten, "a new state takes none of them away"


def test_the_content_of_what_kafka_refused_stays(outbox: Outbox) -> None:
    """Its callback can still be redriven, and its event was never seen."""
    outbox.commit(days(0, 0))
    outbox.replace(quarantine_record(1))
    assert outbox.purge(None, before(9), 100) == 1
    left = outbox.operations([KEY])[KEY]
    assert [content.record for content in left.seen] == [1]
    assert not holds(left.forgotten, "id-1")


def test_what_is_in_quarantine_outlives_what_is_purged(outbox: Outbox) -> None:
    """Its record, its outcome and its standing, of callbacks and of answers alike."""
    answers = [event(3, callback=None), quarantine_record(4, EntryId("requests", 4), callback=None)]
    outbox.commit(batch([event(1), quarantine_record(2), *answers, event(5)], interpreted=5))
    nobodys = Outcome("requests", 1, "duplicate", None, KEY)
    outbox.commit(OutboxBatch(outcomes=[nobodys]))
    outbox.remember("cluster", Position(5, "id-5"))
    assert outbox.purge(before(2), None, 100) == 2
    assert [record.number for record in outbox.read(0, 10)] == [2, 4, 5]
    assert list(outbox.outcomes_between(1, 5)) == [2, 5]
    assert outbox.settled(range(1, 6)) == {1, 3, 4, 5}
    assert outbox.request_of(3) is None
    ids = [EntryId("inbox", 2), EntryId("requests", 4)]
    assert set(outbox.quarantined(ids)) == set(ids)
    assert outbox.quarantined(ids)[ids[0]].received_at == START
