"""Asking a running service for work: in parts, and whether it was carried out while one waited."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from receiver.journal.engines import find_journal
from receiver.model.callback import EntryId
from receiver.operate import requests
from receiver.operate.requests import WAIT_S, leave, request
from tests.operate.desk import context_of
from tests.postgres_cluster import new_journal
from tests.support import Way


def test_a_service_that_runs_carries_it_out() -> None:
    """One does not wait longer than that takes; what else is said goes with it."""
    way, waits = Way(), list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        way.clock.advance(seconds)
        if len(waits) == 3:
            way.interpret()

    ids = [EntryId("inbox", 4711), EntryId("requests", 12)]
    assert request(context_of(way), "close", ids, sleep=sleep, why="a test") == (1, True)
    assert len(waits) == 3
    (made,) = way.requests.requests
    assert (made.request_type, made.payload) == ("close", {"callbacks": [4711, "poll-12"], "why": "a test"})
    assert made.made_at_us == way.clock.us - 300_000


def test_without_a_service_one_waits_a_while_and_it_stays_for_later() -> None:
    """The request is safe all the same."""
    way = Way()
    began_s = way.clock.monotonic_s()
    assert request(context_of(way), "redrive", [EntryId("inbox", 1)], sleep=way.clock.advance) == (1, False)
    assert WAIT_S <= way.clock.monotonic_s() - began_s < WAIT_S + 1
    assert way.requests.last_number() == 1


def test_many_entries_are_several_requests_and_the_last_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one transaction of the outbox."""
    monkeypatch.setattr(requests, "REQUEST_MAX", 2)
    way = Way()
    ids = [EntryId("inbox", number) for number in range(1, 6)]

    def sleep(_: float) -> None:
        way.interpreter.step()

    assert request(context_of(way), "redrive", ids, sleep=sleep) == (3, True)
    assert [one.payload["callbacks"] for one in way.requests.requests] == [[1, 2], [3, 4], [5]]
    assert way.outbox.progress("requests").number == 3


def test_what_is_left_is_waited_for_by_nobody() -> None:
    """In parts too, as many as it takes."""
    way = Way()
    ids = [EntryId("inbox", number) for number in range(1, requests.REQUEST_MAX + 2)]
    assert leave(context_of(way), "redrive", ids) == 2
    assert [len(made.payload["callbacks"]) for made in way.requests.requests] == [requests.REQUEST_MAX, 1]


def test_entries_in_several_slots_are_asked_for_slot_by_slot() -> None:
    """Each slot's interpreter carries out its own, and all of them are waited for."""
    with new_journal(keep_sessions=True) as (url, options):
        journal = find_journal(url, options=options)
        with closing(journal.accounts()) as accounts:
            accounts.add_slots(2)
        numbers = {}
        for slot in (0, 1):
            with closing(journal.part(slot).requests(write=True)) as store:
                numbers[slot] = store.add("poll", 1, {})
        way = Way()
        context = replace(context_of(way), open_journal=lambda: journal)
        ids = [EntryId("requests", numbers[1]), EntryId("requests", numbers[0]), EntryId("inbox", 999)]
        last, done = request(context, "redrive", ids, sleep=way.clock.advance)
        assert not done
        asked = {}
        for slot in (0, 1):
            with closing(journal.part(slot).requests()) as store:
                asked[slot] = [one.payload["callbacks"] for one in store.read(numbers[1], 10)]
        assert asked == {0: [[f"poll-{numbers[0]}", 999]], 1: [[f"poll-{numbers[1]}"]]}
        assert last == numbers[1] + 2
