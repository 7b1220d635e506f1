"""Lists, counters and groups of the index, over all engines."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import orjson
import pytest

from receiver.journal.handle import Journal
from receiver.journal.index import PAGE, ROWS_MAX, QuarantineGroup, Wanted
from receiver.journal.ports import InboxLimits, Outbox
from receiver.model.callback import EntryId
from receiver.model.records import OutboxBatch, Outcome, Position, Progress, QuarantineFilter
from receiver.model.times import DAY_US, from_us
from tests.contract.journal.conftest import Made
from tests.contract.journal.index_samples import listed, make, masked, numbers, poll, told, unread
from tests.contract.journal.samples import START, START_US, batch, callback, key, standing

pytestmark = pytest.mark.usefixtures("unhurried")

MINUTE_US = 60_000_000


def after(minutes: int) -> str:
    """A time of receipt so many minutes after the start."""
    return from_us(START_US + minutes * MINUTE_US)


@pytest.fixture(params=["indexed", "looked through", "half"])
def indexed(request: pytest.FixtureRequest) -> str:
    """How much is indexed by the time that something is asked."""
    return str(request.param)


def commit(journal: Journal, outbox: Outbox, made: OutboxBatch, indexed: str) -> None:
    """Keep records, and index as many as the test is about."""
    half = len(made.records) // 2 if indexed == "half" else 0
    if half:
        outbox.commit(batch(made.records[:half]))
        make(journal)
        outbox.commit(batch(made.records[half:]))
    else:
        outbox.commit(made)
    if indexed == "indexed":
        make(journal)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [6, 5, 4, 3, 2, 1]),
    ({"source": "second"}, [2]),
    ({"kind": "withdraw"}, [3]),
    ({"family": "payout"}, [3]),
    ({"status": "failed"}, [4, 1]),
    ({"status": "failed", "source": "second"}, []),
    ({"anomaly": "late"}, [5, 4]),
    ({"anomaly": "conflict"}, [4]),
    ({"outcome": "quarantine"}, [6]),
    ({"outcome": "event"}, [5, 4, 3, 2, 1]),
    ({"observed_via": "poll"}, [5]),
    ({"observed_via": "webhook"}, [4, 3, 2, 1]),
    ({"effective": False}, [4]),
    ({"effective": True, "status": "failed"}, [1]),
    ({"since": after(3)}, [6, 5, 4]),
    ({"until": after(3)}, [3, 2, 1]),
    ({"since": after(60 * 24)}, []),
    ({"since": after(1), "until": after(5), "status": "completed"}, [5, 3, 2]),
    ({"event_id": "id-3"}, [3]),
    ({"operation_id": "b"}, [2]),
    ({"status": "no such word"}, []),
    ({"amount": "100"}, [3, 2]),
    ({"amount": "40.00", "kind": "withdraw"}, [3]),
    ({"amount": "10"}, []),
]


def test_a_list_has_what_is_wanted_newest_first(journal: Journal, outbox: Outbox, indexed: str) -> None:
    """The same however far the index is."""
    records = [
        told(1, status="failed", received_at=after(0)),
        told(2, "b", source="second", received_at=after(1), spent={"amount": "100.0"}, payout={"amount": None}),
        told(3, kind="withdraw", family="payout", received_at=after(2), payout={"amount": "1E+2", "paid": "40"}),
        told(4, status="failed", anomalies=["late", "conflict"], effective=False, received_at=after(3)),
        told(5, anomalies=["late"], observed_via="poll", callback=None, received_at=after(4)),
        unread(6, received_at=after(5)),
    ]
    commit(journal, outbox, batch(records), indexed)
    for wanted, expected in FILTERS:
        page = listed(journal, Wanted(**wanted))
        assert (numbers(page), page.cut_off, page.older) == (expected, False, None), wanted


def test_pages_go_back_and_forth_without_a_gap(journal: Journal, outbox: Outbox, indexed: str) -> None:
    """By number: what comes meanwhile moves nothing."""
    failed = [number for number in range(1, 40) if number % 3]
    records = [told(n, f"o{n}", status="failed" if n in failed else "completed") for n in range(1, 40)]
    commit(journal, outbox, batch(records), indexed)
    wanted, back, before = Wanted(status="failed"), list[list[int]](), None
    while True:
        page = listed(journal, wanted, before=before, limit=5)
        back.append(numbers(page))
        before = page.older
        if before is None:
            break
    assert [number for one in back for number in one] == failed[::-1]
    assert [len(one) for one in back] == [5] * 5 + [1]
    forth, newer = [back[-1]], back[-1][0]
    while found := numbers(page := listed(journal, wanted, after=newer, limit=5)):
        assert page.older == found[-1]
        forth.insert(0, found)
        newer = found[0]
    assert [number for one in forth for number in one] == failed[::-1]
    assert len(numbers(listed(journal))) == len(records)
    assert len(records) < PAGE


def test_without_an_index_the_newest_are_looked_through_and_the_rest_said(journal: Journal, outbox: Outbox) -> None:
    """From where it ended the next page goes on."""
    outbox.commit(batch([told(n, "a", status="failed" if n == 1 else "completed") for n in range(1, ROWS_MAX + 3)]))
    page = listed(journal, Wanted(status="failed"))
    assert (numbers(page), page.cut_off, page.older) == ([], True, 3)
    page = listed(journal, Wanted(status="failed"), before=page.older)
    assert (numbers(page), page.cut_off, page.older) == ([1], False, None)
    make(journal)
    page = listed(journal, Wanted(status="failed"))
    assert (numbers(page), page.cut_off) == ([1], False)


def test_purged_records_leave_gaps_that_nobody_notices(journal: Journal, outbox: Outbox) -> None:
    """A list is what is there."""
    outbox.commit(batch([told(1), told(2, day=40)]))
    make(journal)
    outbox.remember("c", Position(2, "id-2"))
    outbox.purge("2024-06-20T00:00:00Z", None, 9)
    page = listed(journal, Wanted(status="completed"))
    assert (numbers(page), page.older) == ([2], None)


async def test_counters_by_minute_and_day(made: Made) -> None:
    """Events, quarantine and repeats, by all that a chart is drawn by; none without an index."""
    inbox = made.journal.inbox_writer(InboxLimits())
    given = [await inbox.append(callback(1)) for _ in range(4)]
    await asyncio.to_thread(inbox.close)
    records = [
        told(1, anomalies=["late", "conflict"], callback=given[0]),
        told(2, "b", callback=given[1]),
        unread(3, record_id=str(given[2]), callback=given[2]),
    ]
    repeat = Outcome("inbox", given[3], "duplicate", 1, key("a"))
    with closing(made.journal.outbox(write=True)) as outbox:
        whole = batch(records)
        outbox.commit(batch(records, given[3], outcomes=[*whole.outcomes, repeat]))
    minute_us, day_us = START_US // MINUTE_US * MINUTE_US, START_US // DAY_US * DAY_US
    with closing(made.journal.index()) as index:
        assert (list(index.minutes(0, 2**60).counts), index.indexed().there) == ([], False)
        make(made.journal)
        for counted, at_us in ((index.minutes(minute_us, minute_us + 1), minute_us), (index.days(0, 2**60), day_us)):
            assert [
                (one.at_us, one.source, one.kind, one.status, one.outcome, one.anomalies, one.count)
                for one in counted.counts
            ] == [
                (at_us, "main", "", "", "duplicate", (), 1),
                (at_us, "main", "", "", "quarantine", (), 1),
                (at_us, "main", "exchange", "completed", "event", (), 1),
                (at_us, "main", "exchange", "completed", "event", ("late", "conflict"), 1),
            ]
            assert not counted.cut_off
        assert index.minutes(minute_us + 1, 2**60).counts == []


def test_minutes_are_kept_for_a_week_and_days_for_ever(journal: Journal, outbox: Outbox) -> None:
    """A week after, the minutes are gone; what was counted once is not counted again."""
    outbox.commit(batch([told(1)]))
    make(journal)
    with closing(journal.index_writer(masked)) as writer, closing(journal.index()) as index:
        for days, minutes in ((6, 1), (8, 0)):
            writer.tidy(START_US + days * DAY_US)
            assert len(index.minutes(0, 2**60).counts) == minutes
        assert [one.count for one in index.days(0, 2**60).counts] == [1]


async def test_quarantine_in_groups_by_the_word_that_nobody_knew(made: Made, indexed: str) -> None:
    """The largest group first, with its first and last time and its newest callback as the example."""
    words = ["Odd", "Odd", "Strange", "x4111111111111111x"]
    inbox = made.journal.inbox_writer(InboxLimits())
    given = [await inbox.append(callback(1, orjson.dumps({"data": [{"status": word}]}))) for word in words]
    await asyncio.to_thread(inbox.close)
    reason, detail = "unknown_status", "data.0.status"
    ids = [EntryId("inbox", number) for number in (*given, given[-1] + 1)]
    records = [
        unread(n, "unknown_status", detail, received_at=after(n), record_id=str(one), callback=one.number)
        for n, one in enumerate(ids[:4], 1)
    ]
    records.append(unread(5, received_at=after(5), record_id=str(ids[4]), callback=ids[4].number))
    stands = [
        standing(one, n, reason="unknown_status", detail=detail, received_at=after(n))
        for n, one in enumerate(ids[:4], 1)
    ]
    stands += [standing(ids[4], 5), standing(poll(6), None, state="closed")]
    with closing(made.journal.outbox(write=True)) as outbox:
        outbox.commit(batch(records, quarantined=stands))
    if indexed != "looked through":
        make(made.journal)
    with closing(made.journal.index()) as index:
        groups = index.quarantine_groups(QuarantineFilter())
        assert list(groups.groups) == [
            QuarantineGroup("main", reason, detail, "Odd", 2, after(1), after(2), ids[1]),
            QuarantineGroup("main", "schema", "id", "", 1, START, START, ids[4]),
            QuarantineGroup("main", reason, detail, "Strange", 1, after(3), after(3), ids[2]),
            QuarantineGroup("main", reason, detail, "x411111******1111x", 1, after(4), after(4), ids[3]),
        ]
        assert not groups.cut_off
        closed = index.quarantine_groups(QuarantineFilter(state="closed"))
        assert [(one.example, one.count) for one in closed.groups] == [(poll(6), 1)]
        assert index.quarantine_groups(QuarantineFilter(source="other")).groups == []
        narrow = QuarantineFilter(reason="unknown_status", since=after(2), until=after(4))
        assert [one.word for one in index.quarantine_groups(narrow).groups] == ["Odd", "Strange"]


def test_without_an_index_the_oldest_standings_are_grouped(journal: Journal, outbox: Outbox) -> None:
    """As many as may be looked at; it is said that there are more."""
    count = ROWS_MAX + 1
    stands = [standing(EntryId("inbox", n), None) for n in range(1, count + 1)]
    outbox.commit(OutboxBatch(quarantined=stands, progress={"inbox": Progress(count, b"d" * 32)}))
    for there, (number, cut_off) in enumerate(((ROWS_MAX, True), (count, False))):
        if there:
            make(journal)
        with closing(journal.index()) as index:
            groups = index.quarantine_groups(QuarantineFilter())
            assert ([one.count for one in groups.groups], groups.cut_off) == ([number], cut_off)
