"""Where to begin reading is the same with an index and without one."""

from __future__ import annotations

from contextlib import closing

import pytest

from receiver.journal.search import EventFilter
from receiver.operate import newest
from receiver.operate.indexing import make_index
from receiver.operate.newest import first_after, newest_after
from tests.operate.desk import context_of, exchange
from tests.support import Way

pytestmark = pytest.mark.usefixtures("unhurried")

EVERY, PENDING = EventFilter(), EventFilter(status="pending")


async def filled(count: int = 12) -> Way:
    """Events, every fourth of them pending, every sixth callback junk."""
    way = Way()
    for at in range(1, count + 1):
        body = b"junk" if at % 6 == 0 else exchange(f"o{at}", **({"status": "Pending"} if at % 4 == 0 else {}))
        await way.events("0xpay-main", [body])
        way.clock.advance(60)
    return way


@pytest.mark.parametrize("indexed", [False, True])
async def test_the_newest_are_found(monkeypatch: pytest.MonkeyPatch, *, indexed: bool) -> None:
    """Over many steps and pages."""
    monkeypatch.setattr(newest, "BATCH", 1)
    monkeypatch.setattr(newest, "ROWS_MAX", 3)
    way = await filled()
    if indexed:
        make_index(context_of(way), lambda _: None)
    with closing(way.journal.index()) as index:
        search, last = way.journal.search(), way.outbox.last_number()

        def after(wanted: EventFilter, count: int) -> int:
            return newest_after(search, index, wanted, last, count)

        for wanted in (EVERY, PENDING):
            numbers = [one.number for one in search.events(wanted, 0, 100)]
            for count in range(1, len(numbers) + 1):
                assert [one.number for one in search.events(wanted, after(wanted, count), 100)] == numbers[-count:]
            assert after(wanted, 100) == 0
            assert after(wanted, 0) == last
        assert after(EventFilter(status="expired"), 3) == 0


@pytest.mark.parametrize("indexed", [False, True])
async def test_a_time_is_found_by_an_index(*, indexed: bool) -> None:
    """All that is wanted stands after it; without an index nobody knows, and everything is read."""
    way = await filled()
    if indexed:
        make_index(context_of(way), lambda _: None)
    with closing(way.journal.index()) as index:
        records = way.journal.search().events(EVERY, 0, 100)
        for record in records:
            assert first_after(index, EventFilter(since=record.received_at)) == (record.number - 1 if indexed else 0)
        assert first_after(index, EventFilter(since="2100-01-01T00:00:00Z")) == 0
        assert first_after(index, EVERY) == 0
