"""What reconcile remembers, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from receiver.journal.ports import Requests
from receiver.journal.watchlist import NEVER_US, Watched, Watchlist, WatchUpdate
from receiver.model.callback import Resource
from tests.contract.journal.conftest import Made


@pytest.fixture
def watch(made: Made) -> Iterator[Watchlist]:
    """A new one."""
    store = made.journal.watchlist()
    yield store
    store.close()


def resource(identity: str, word: str, *, terminal: bool = False) -> Resource:
    """An answer."""
    text = f'{{"id": "{identity}", "status": "{word}", "amount": 1.10}}'.encode()
    return Resource(identity, text, word.encode(), terminal)


def due(watch: Watchlist, now_us: int = NEVER_US) -> list[str]:
    """The ids that are due, in the order in which they are asked for."""
    return [one.operation_id for one in watch.due("swaps", now_us, 99)]


def test_a_new_one_watches_nothing(watch: Watchlist) -> None:
    """And has looked at no record."""
    assert watch.outbox_read_to() == 0
    assert (due(watch), watch.open_ids("swaps"), watch.listed(9)) == ([], set(), [])
    assert watch.counts("swaps", NEVER_US) == (0, 0)
    assert watch.scanned_us("swaps", "orders") == 0


def test_a_tracked_operation_is_asked_for_at_once(made: Made, watch: Watchlist) -> None:
    """Also by the process beside the one that a person told."""
    watch.track("swaps", "a", 5)
    beside = made.another().watchlist()
    assert beside.due("swaps", 5, 9) == [Watched("swaps", "a", 5, 5)]
    assert beside.due("swaps", 4, 9) == []
    assert beside.due("other", 5, 9) == []
    beside.close()


def test_an_answer_that_says_the_same_is_kept_once(watch: Watchlist, requests: Requests) -> None:
    """And the operation is closed by a terminal one, in the same commit."""
    watch.track("swaps", "a", 10)
    assert watch.answered("swaps", resource("a", "PENDING"), now_us=20, due_us=30, after=7)
    assert not watch.answered("swaps", resource("a", "PENDING"), now_us=30, due_us=40, after=8)
    (one,) = watch.due("swaps", 40, 9)
    assert (one.since_us, one.asked_us, one.due_us, one.state) == (10, 30, 40, "open")
    assert watch.answered("swaps", resource("a", "PROCESSED", terminal=True), now_us=50, due_us=60, after=8)
    assert watch.due("swaps", NEVER_US, 9) == []
    assert not watch.answered("swaps", resource("a", "PROCESSED", terminal=True), now_us=55, due_us=60, after=8)
    kept = requests.read(0, 9)
    assert [(one.request_type, one.made_at_us, one.payload["after"]) for one in kept] == [
        ("poll", 20, 7), ("poll", 50, 8),
    ]  # fmt: skip
    entry = kept[0].polled
    assert (entry.callback.source, entry.callback.body) == ("swaps", resource("a", "PENDING").text)


def test_an_answer_about_what_nobody_watched_is_kept_too(watch: Watchlist, requests: Requests) -> None:
    """A list tells of operations that no callback named."""
    assert watch.answered("swaps", resource("a", "PENDING"), now_us=20, due_us=30, after=0)
    assert watch.due("swaps", 30, 9) == [Watched("swaps", "a", 20, 30, asked_us=20)]
    assert [one.payload["operation"] for one in requests.read(0, 9)] == ["a"]


def test_what_is_heard_makes_due_and_never_later(watch: Watchlist) -> None:
    """A closed operation is reopened only by a contradiction, and one that is over long ago is forgotten."""
    watch.apply([WatchUpdate("swaps", "a", 10, 100), WatchUpdate("swaps", "b", 10, 100)], 3)
    watch.apply([WatchUpdate("swaps", "a", 20, 50), WatchUpdate("swaps", "b", 20, 200)], 5)
    assert watch.outbox_read_to() == 5
    assert {one.operation_id: (one.due_us, one.since_us) for one in watch.due("swaps", 999, 9)} == {
        "a": (50, 10), "b": (100, 10),
    }  # fmt: skip
    watch.answered("swaps", resource("a", "PROCESSED", terminal=True), now_us=60, due_us=0, after=0)
    watch.apply([WatchUpdate("swaps", "a", 70, 70), WatchUpdate("swaps", "b", 70, None)], 6)
    assert watch.open_ids("swaps") == set()
    watch.apply([WatchUpdate("swaps", "a", 80, 80, reopen=True)], 7)
    assert [(one.operation_id, one.due_us) for one in watch.due("swaps", 999, 9)] == [("a", 80)]
    watch.apply([], 4)
    assert watch.outbox_read_to() == 4, "an outbox that was changed by hand is looked at again"


def test_those_that_failed_least_are_asked_first(watch: Watchlist) -> None:
    """So that ids the API does not know cannot starve the others."""
    for identity in ("a", "b"):
        watch.track("swaps", identity, 10)
    (first, _) = watch.due("swaps", 10, 9)
    watch.failed(first, "refused: no", 5, give_up=False)
    assert due(watch, 10) == ["b", "a"]
    assert watch.discover("swaps", ["a", "c"], 11) == 1
    assert watch.due("swaps", 10, 1) == [Watched("swaps", "b", 10, 10)]


def test_failures_are_counted_until_there_is_an_answer(watch: Watchlist) -> None:
    """With why, for people; a person, or news of it, takes up again what was given up."""
    watch.track("swaps", "a", 10)
    asked = Watched("swaps", "a", 10, 10)
    watch.failed(asked, "refused: no", 20, give_up=False)
    watch.failed(asked, "unknown", 30, give_up=True)
    given_up = replace(asked, due_us=30, state="given_up", failures=2, why="unknown")
    assert (due(watch), watch.listed(9)) == ([], [given_up])
    watch.track("swaps", "a", 25)
    assert watch.due("swaps", 25, 9) == [replace(given_up, due_us=25, state="open")]
    watch.answered("swaps", resource("a", "PENDING"), now_us=40, due_us=50, after=0)
    assert watch.listed(9) == [replace(asked, due_us=50, asked_us=40)]
    watch.failed(replace(asked, operation_id="nobody"), "refused: no", 20, give_up=False)
    assert len(watch.listed(9)) == 1


def test_what_a_list_names_is_watched_once(watch: Watchlist) -> None:
    """Also where it names it twice; what is known stays as it is."""
    watch.apply([WatchUpdate("swaps", "a", 10, 100)], 1)
    assert watch.discover("swaps", ["a", "b", "b", "c"], 20) == 2
    assert watch.discover("swaps", ["a", "b"], 30) == 0
    assert watch.discover("swaps", [], 30) == 0
    assert due(watch, 20) == ["b", "c"]
    assert watch.open_ids("swaps") == {"a", "b", "c"}


def test_what_is_made_due_is_asked_for_at_once(watch: Watchlist) -> None:
    """Known or not, closed or not, and no later than it was due before."""
    watch.apply([WatchUpdate("swaps", "a", 10, 100), WatchUpdate("swaps", "b", 10, 15)], 1)
    watch.answered("swaps", resource("c", "PROCESSED", terminal=True), now_us=12, due_us=0, after=0)
    watch.make_due("swaps", ["a", "b", "c", "d"], 20)
    assert {one.operation_id: (one.since_us, one.due_us) for one in watch.due("swaps", 20, 9)} == {
        "a": (10, 20), "b": (10, 15), "c": (12, 20), "d": (20, 20),
    }  # fmt: skip


def test_scans_are_remembered_by_source_and_name(watch: Watchlist) -> None:
    """And are no outbox number."""
    watch.scanned("swaps", "orders", 50)
    watch.scanned("swaps", "orders", 60)
    watch.scanned("other", "orders", 7)
    assert [watch.scanned_us(*one) for one in (("swaps", "orders"), ("other", "orders"), ("swaps", "x"))] == [60, 7, 0]
    assert watch.outbox_read_to() == 0


def test_a_nonce_is_never_given_twice(made: Made, watch: Watchlist) -> None:
    """Not in one millisecond, not by a clock that was set back, and not by another process."""
    beside = made.another().watchlist()
    given = [watch.next_nonce("key", 100), beside.next_nonce("key", 100), watch.next_nonce("key", 50)]
    assert given == [100, 101, 102]
    assert beside.next_nonce("key", 500) == 500
    assert watch.next_nonce("other", 50) == 50
    beside.close()


def test_open_and_overdue_are_counted_by_source(watch: Watchlist) -> None:
    """By when they were first heard of; what is over counts no more."""
    for at, identity in enumerate("abcd"):
        watch.track("swaps", identity, at)
    watch.track("other", "a", 0)
    watch.answered("swaps", resource("a", "PROCESSED", terminal=True), now_us=9, due_us=0, after=0)
    assert watch.counts("swaps", 3) == (3, 2)
    assert watch.counts("other", 0) == (1, 0)


def test_those_that_are_not_closed_are_listed_the_oldest_first(watch: Watchlist) -> None:
    """Of all sources, those that were given up too."""
    watch.track("swaps", "young", 30)
    watch.track("other", "old", 10)
    watch.track("swaps", "lost", 20)
    watch.failed(Watched("swaps", "lost", 20, 20), "unknown", NEVER_US, give_up=True)
    watch.answered("swaps", resource("done", "PROCESSED", terminal=True), now_us=5, due_us=0, after=0)
    assert [one.operation_id for one in watch.listed(9)] == ["old", "lost", "young"]
    assert [one.operation_id for one in watch.listed(1)] == ["old"]


def test_what_is_over_is_forgotten_after_a_time(watch: Watchlist) -> None:
    """By its last answer, or by when it was first heard of; what is open is never forgotten."""
    watch.track("swaps", "open", 1)
    watch.answered("swaps", resource("early", "PROCESSED", terminal=True), now_us=10, due_us=0, after=0)
    watch.answered("swaps", resource("late", "PROCESSED", terminal=True), now_us=20, due_us=0, after=0)
    watch.track("swaps", "lost", 15)
    watch.failed(Watched("swaps", "lost", 15, 15), "unknown", NEVER_US, give_up=True)
    watch.forget_closed(16)
    assert [one.operation_id for one in watch.listed(9)] == ["open"]
    assert watch.discover("swaps", ["early", "late", "lost"], 30) == 2


def test_old_answers_are_purged_once_they_are_interpreted(watch: Watchlist, requests: Requests) -> None:
    """A few at a time; what a person asked for is no answer."""
    requests.add("redrive", 1, {})
    for at in range(10, 60, 10):
        watch.answered("swaps", resource("a", f"{at}"), now_us=at, due_us=0, after=0)
    assert watch.old_answers(40, 3, 9) == [2, 3]
    assert watch.old_answers(40, 99, 9) == [2, 3, 4]
    assert watch.old_answers(40, 99, 2) == [2, 3]
    watch.purge_answers([1, 2, 3])
    assert [one.number for one in requests.read(0, 9)] == [1, 4, 5, 6]
    assert watch.old_answers(99, 99, 9) == [4, 5, 6]
    assert not watch.answered("swaps", resource("a", "50"), now_us=70, due_us=0, after=0), "it is still remembered"
