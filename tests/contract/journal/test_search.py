"""What people look up, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from receiver.journal.handle import Journal
from receiver.journal.ports import Outbox
from receiver.journal.search import (
    OPERATIONS_MAX,
    OTHER_FIELDS,
    UNKNOWN_FIELD_CHARACTERS_MAX,
    UNKNOWN_FIELDS_MAX,
    EventFilter,
    Search,
    UnknownField,
)
from receiver.model.callback import EntryId
from receiver.model.operation import operation_key
from receiver.model.records import OutboxBatch, Outcome, Quarantined, QuarantineFilter
from tests.contract.journal.conftest import Made
from tests.contract.journal.samples import START, batch, event, key, quarantine_record, standing


@pytest.fixture
def search(made: Made) -> Iterator[Search]:
    """A look into the journal, from another process."""
    store = made.another().search()
    yield store
    store.close()


ODD = ["a", "b", "ab", "a%", "%", "_", "a_", "\\", "a\\%", "a:b", "a%3Ab", "A", "é", "x\x00y", ""]


def test_an_operation_is_found_by_its_key(outbox: Outbox, search: Search) -> None:
    """Those that are known, in the order in which they were first heard of."""
    assert search.operations_by_key([key("a")]) == []
    outbox.commit(batch([event(1, "b"), event(2, "a"), event(3, "c"), event(4, "b")]))
    found = search.operations_by_key([key("a"), key("b"), key("x")])
    assert [one.key for one in found] == [key("b"), key("a")]
    assert found[0].number < found[1].number
    assert search.operations_by_key([]) == []


def test_an_operation_is_found_by_its_id_whatever_that_holds(outbox: Outbox, search: Search) -> None:
    """The whole id and nothing else: no letter of it stands for others."""
    outbox.commit(batch([event(number, identity) for number, identity in enumerate(ODD, start=1)]))
    for identity in ODD:
        assert [one.key for one in search.operations_by_id(identity)] == [key(identity)], identity
    assert search.operations_by_id("nobody") == []
    assert search.operations_by_id("exchange:a") == []


def test_one_id_may_stand_for_operations_of_several_providers(outbox: Outbox, search: Search) -> None:
    """All of them, up to a number that is more than there can be, the oldest first."""
    kinds = [f"kind{number}" for number in range(OPERATIONS_MAX + 2)]
    records = [event(number, kind=kind, account=None) for number, kind in enumerate(kinds, start=1)]
    keys = [operation_key("0xpay", None, kind, "a") for kind in kinds]
    made = batch(records)
    states = {one: made.states[key("a")] for one in keys}
    outbox.commit(OutboxBatch(records=records, states=states))
    assert [one.key for one in search.operations_by_id("a")] == keys[:OPERATIONS_MAX]


def test_an_operation_is_found_by_how_its_id_begins(outbox: Outbox, search: Search) -> None:
    """The id's own beginning, not that of its provider or kind, and no letter stands for others."""
    ids = [identity for identity in ODD if "\x00" not in identity]  # where texts end for SQLite's functions
    outbox.commit(batch([event(number, identity) for number, identity in enumerate(ids, start=1)]))
    for begun in ("a", "a%", "a:", "A", "é", "%", "_", "\\", "0xpay", "ex", "m"):
        found = [one.key for one in search.operations_by_prefix(begun)]
        assert found == [key(identity) for identity in ids if identity.startswith(begun)], begun


def test_events_are_found_by_what_they_are(outbox: Outbox, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, over many stretches of numbers, a page at a time; what is in quarantine is no event."""
    monkeypatch.setattr("receiver.journal.sqlite.search.STRETCH", 2)
    other: dict[str, Any] = {"provider": "p", "source": "s", "family": "payout", "kind": "k", "status": "failed"}
    records = [
        event(1, "b"),
        quarantine_record(2),
        event(3, "a", 1),
        event(4, "a", 2),
        event(5, "c", **other),
        event(7),
    ]
    outbox.commit(batch(records))

    def found(after: int = 0, limit: int = 10, **wanted: Any) -> list[int]:
        return [record.number for record in search.events(EventFilter(**wanted), after, limit)]

    assert found() == [1, 3, 4, 5, 7]
    assert found(3, 2) == [4, 5]
    assert found(7) == []
    assert found(operation_id="a") == [3, 4, 7]
    assert found(1, 2, operation_id="a") == [3, 4]
    assert found(event_id="id-4") == [4]
    assert found(event_id="nobody") == []
    for name, value in other.items():
        assert found(**{name: value}) == [5], name
    assert found(since=records[2].received_at) == [3, 4]
    assert found(since=records[2].received_at, until=records[3].received_at) == [3]
    assert list(search.events(EventFilter(event_id="id-5"), 0, 1)) == [records[4]]


def test_the_story_of_an_operation(outbox: Outbox, search: Search) -> None:
    """Callbacks in order of receipt, then answers of the provider's API in theirs; and the records they became."""
    outbox.commit(batch([event(1), event(2, "b"), event(3, callback=None), event(4)]))
    late = [
        Outcome("requests", 1, "duplicate", 1, key("a")),
        Outcome("inbox", 9, "duplicate", 4, key("a")),
        Outcome("inbox", 7, "quarantine", 5, None),
    ]
    outbox.commit(OutboxBatch(outcomes=late))
    (a,) = search.operations_by_key([key("a")])
    assert search.arrivals(a.number) == [
        Outcome("inbox", 1, "event", 1, key("a")),
        Outcome("inbox", 4, "event", 4, key("a")),
        late[1],
        late[0],
        Outcome("requests", 3, "event", 3, key("a")),
    ]
    assert search.records_of(a.number) == [1, 3, 4]
    assert (search.arrivals(a.number + 7), search.records_of(a.number + 7)) == ([], [])


def test_one_record(outbox: Outbox, search: Search) -> None:
    """As it was committed."""
    outbox.commit(batch([event(1), event(2, value=b'{"a": "\xc3\xa9"}', publish=False)]))
    assert search.record(2) == event(2, value=b'{"a": "\xc3\xa9"}', publish=False)
    assert search.record(3) is None
    assert [record.number for record in search.records([2, 3, 1])] == [2, 1]
    assert list(search.records([])) == []


def standings() -> list[Quarantined]:
    """Callbacks and answers in quarantine, in the order in which they are listed."""
    return [
        standing(EntryId("inbox", 2), 1),
        standing(EntryId("inbox", 10), 2, source="other", reason="unknown_status"),
        standing(EntryId("inbox", 11), 3, state="closed", why="a test"),
        standing(EntryId("requests", 1), None, received_at="2024-05-28T00:00:00.000000Z"),
        standing(EntryId("requests", 2), 4, state="redriven"),
        standing(EntryId("requests", 12), 5, reason="unknown_status"),
    ]


def test_quarantine_is_paged_through_both_stores(outbox: Outbox, search: Search) -> None:
    """Callbacks first, by number, then answers by theirs."""
    listed = standings()
    outbox.commit(OutboxBatch(quarantined=listed[::-1]))
    every = QuarantineFilter(state=None)
    assert list(search.quarantine(every, None, 10)) == listed
    for size in (1, 2, 4):
        found: list[Quarantined] = []
        while page := search.quarantine(every, found[-1].id if found else None, size):
            assert len(page) <= size
            found += page
        assert found == listed
    assert list(search.quarantine(every, EntryId("inbox", 5), 2)) == listed[1:3]
    assert list(search.quarantine(every, EntryId("inbox", 99), 2)) == listed[3:5]
    assert list(search.quarantine(every, EntryId("requests", 0), 1)) == listed[3:4]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (QuarantineFilter(), [0, 1, 3, 5]),
        (QuarantineFilter(state="closed"), [2]),
        (QuarantineFilter(state="redriven"), [4]),
        (QuarantineFilter(source="other"), [1]),
        (QuarantineFilter(reason="unknown_status"), [1, 5]),
        (QuarantineFilter(reason="unknown_status", source="main"), [5]),
        (QuarantineFilter(since="2024-05-28T00:00:00.000000Z"), [3]),
        (QuarantineFilter(since=START, until="2024-05-28T00:00:00.000000Z"), [0, 1, 5]),
        (QuarantineFilter(until=START), []),
        (QuarantineFilter(source="nobody", state=None), []),
    ],
)
def test_quarantine_is_filtered(outbox: Outbox, search: Search, wanted: QuarantineFilter, places: list[int]) -> None:
    """By source, reason, state and time of receipt; a filter lets through what fits all of it."""
    outbox.commit(OutboxBatch(quarantined=standings()))
    assert list(search.quarantine(wanted, None, 10)) == [standings()[at] for at in places]


def test_what_a_refused_record_left_is_found(outbox: Outbox, search: Search) -> None:
    """It is in quarantine like any other."""
    outbox.commit(batch([event(1), event(2)]))
    outbox.replace(quarantine_record(2))
    assert list(search.quarantine(QuarantineFilter(), None, 10)) == [standing(EntryId("inbox", 2), 2)]


def test_drift_is_listed_the_most_frequent_first(outbox: Outbox, search: Search) -> None:
    """By source, then by count, then by name; first seen with the first batch that had the field."""
    assert search.drift() == []
    fields = {("main", "b"): 1, ("main", "a"): 1, ("main", "c"): 3, ("other", "z"): 9}
    outbox.commit(OutboxBatch(unknown_fields=fields, last_heard_us={"main": 1_000_000}, polled_at_us=2_000_000))
    outbox.commit(OutboxBatch(unknown_fields={("main", "a"): 4}, last_heard_us={"main": 5_000_000}))
    first, polled = "1970-01-01T00:00:01.000000Z", "1970-01-01T00:00:02.000000Z"
    assert search.drift() == [
        UnknownField("main", "a", 5, first),
        UnknownField("main", "c", 3, first),
        UnknownField("main", "b", 1, first),
        UnknownField("other", "z", 9, polled),
    ]


def test_no_provider_can_fill_a_disk_with_names(outbox: Outbox, search: Search) -> None:
    """A name is cut, and above so many of a source the rest is counted together; the other source is not touched."""
    names = [f"{number:04}" + "x" * UNKNOWN_FIELD_CHARACTERS_MAX for number in range(UNKNOWN_FIELDS_MAX + 5)]
    outbox.commit(OutboxBatch(unknown_fields={("main", name): 2 for name in names}))
    outbox.commit(OutboxBatch(unknown_fields={("main", names[0]): 1, ("main", "new"): 1, ("other", "new"): 1}))
    found = {(one.source, one.field): one.callbacks for one in search.drift()}
    assert len(found) == UNKNOWN_FIELDS_MAX + 2
    assert max(len(name) for _, name in found) == UNKNOWN_FIELD_CHARACTERS_MAX
    assert found["main", OTHER_FIELDS] == 5 * 2 + 1
    assert found["main", names[0][:UNKNOWN_FIELD_CHARACTERS_MAX]] == 3
    assert found["other", "new"] == 1


def test_the_searcher_sees_what_came_since(journal: Journal, outbox: Outbox) -> None:
    """A console keeps one open for days."""
    search = journal.search()
    for number in range(1, 4):
        outbox.commit(batch([event(number, f"o{number}")]))
        assert [one.key for one in search.operations_by_key([key(f"o{number}")])] == [key(f"o{number}")]
        outbox.commit(OutboxBatch(quarantined=[replace(standings()[0], id=EntryId("inbox", number))]))
        assert len(search.quarantine(QuarantineFilter(), None, 10)) == number
    search.close()
