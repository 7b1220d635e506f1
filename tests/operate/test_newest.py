"""Where to begin reading is the same with an index and without one."""

from __future__ import annotations

from contextlib import closing

import pytest

from receiver.journal.index import Wanted
from receiver.journal.search import Search
from receiver.operate import newest
from receiver.operate.indexing import make_index
from receiver.operate.newest import first_after, newest_after
from receiver.operate.selection import steps_of_events
from tests.operate.desk import EXCHANGE, context_of, exchange
from tests.support import Way

pytestmark = pytest.mark.usefixtures("unhurried")

EVERY, PENDING, POLLED = Wanted(), Wanted(status="pending"), Wanted(observed_via="poll")


def wanted_after(search: Search, wanted: Wanted, number: int) -> list[int]:
    """The numbers of what is wanted above one."""
    return [one.number for _, found in steps_of_events(search, wanted, number, 100) for one in found]


async def filled(count: int = 12) -> Way:
    """Events, every fourth of them pending, every sixth callback junk, and one that comes late."""
    way = Way()
    for at in range(1, count + 1):
        body = b"junk" if at % 6 == 0 else exchange(f"o{at}", **({"status": "Pending"} if at % 4 == 0 else {}))
        await way.events("0xpay-main", [body])
        way.clock.advance(60)
    await way.events("0xpay-main", [exchange("o1", status="Pending")])
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

        def after(wanted: Wanted, count: int) -> int:
            return newest_after(search, index, wanted, last, count)

        for wanted in (EVERY, PENDING, Wanted(anomaly="late"), Wanted(effective=True, amount=EXCHANGE["spendAmount"])):
            numbers = wanted_after(search, wanted, 0)
            assert numbers
            for count in range(1, len(numbers) + 1):
                assert wanted_after(search, wanted, after(wanted, count)) == numbers[-count:]
            assert after(wanted, 100) == 0
            assert after(wanted, 0) == last
        assert after(Wanted(status="expired"), 3) == after(POLLED, 3) == 0


@pytest.mark.parametrize("indexed", [False, True])
async def test_a_time_is_found_by_an_index(*, indexed: bool) -> None:
    """All that is wanted stands after it; without an index nobody knows, and everything is read."""
    way = await filled()
    if indexed:
        make_index(context_of(way), lambda _: None)
    with closing(way.journal.index()) as index:
        records = way.journal.search().events(EVERY.of_columns, 0, 100)
        for record in records:
            assert first_after(index, Wanted(since=record.received_at)) == (record.number - 1 if indexed else 0)
        assert first_after(index, Wanted(since="2100-01-01T00:00:00Z")) == 0
        assert first_after(index, EVERY) == 0
