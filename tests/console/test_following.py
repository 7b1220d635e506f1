"""The tail of a journal with one slot or several: what comes into any of them is seen once, and nothing of before."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import pytest

from receiver.console.following import Following
from receiver.journal.handle import Journal
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.slots import OneSlot, SlotState, first_record
from receiver.model.records import OutboxRecord
from tests.operate.desk import exchange
from tests.support import Way


class Several(MemoryJournal):
    """A journal in memory of which somebody says that it has three slots, the last one empty at first."""

    def __init__(self, lasts: dict[int, int]) -> None:
        super().__init__()
        self.lasts = lasts

    def slots(self) -> OneSlot:
        """All three."""
        slots = OneSlot(SlotState(0, 0, None, None, 0, 0, 0))

        def states() -> Sequence[SlotState]:
            return [SlotState(slot, 0, None, None, 0, 0, last) for slot, last in self.lasts.items()]

        cast("Any", slots).states = states
        return slots


def put(journal: Several, record: OutboxRecord, number: int, second: int) -> None:
    """A record of a slot, received so many seconds later."""
    slot = next(slot for slot in reversed(journal.lasts) if number > first_record(slot))
    journal.lasts[slot] = number
    at = f"2026-05-27T08:55:{second:02}.000000Z"
    journal._outbox.records.append(replace(record, number=number, received_at=at))
    journal._outbox.records.sort(key=lambda one: one.number)


@pytest.fixture
async def record() -> OutboxRecord:
    """Any event."""
    way = Way()
    await way.events("0xpay-main", [exchange("x")])
    return way.outbox.records[0]


async def test_one_slot_goes_on_by_number() -> None:
    """In steps; what was there before is not new."""
    way = Way()
    await way.events("0xpay-main", [exchange("before")])
    with closing(Following(way.journal)) as following:
        assert following.look(2).records == []
        await way.events("0xpay-main", [exchange(f"after-{place}") for place in range(3)])
        first, second = following.look(2), following.look(2)
        assert [one.operation_id for one in (*first.records, *second.records)] == ["after-0", "after-1", "after-2"]
        assert (first.more, second.more) == (True, False)


def test_what_comes_into_any_slot_is_seen(record: OutboxRecord) -> None:
    """Also into the first one, whose numbers are below all of the others; of one look the earlier comes first."""
    second, third = first_record(1), first_record(2)
    journal = Several({0: 0, 1: second, 2: third})
    put(journal, record, 1, 0)
    put(journal, record, second + 1, 1)
    with closing(Following(cast("Journal", journal))) as following:
        assert following.look(10).records == []
        put(journal, record, 2, 9)
        put(journal, record, second + 2, 5)
        put(journal, record, third + 1, 7)
        came = following.look(10)
        assert [one.number for one in came.records] == [second + 2, third + 1, 2]
        assert following.look(10).records == []
        for place in range(3, 6):
            put(journal, record, place, place)
        steps = [following.look(2), following.look(2)]
        assert [[one.number for one in step.records] for step in steps] == [[3, 4], [5]]
        assert [step.more for step in steps] == [True, False]


def test_a_slot_that_is_new_is_followed_from_its_beginning(record: OutboxRecord) -> None:
    """It was cut while somebody listened."""
    journal = Several({0: 0, 1: first_record(1)})
    with closing(Following(cast("Journal", journal))) as following:
        journal.lasts[2] = first_record(2)
        put(journal, record, first_record(2) + 1, 0)
        assert [one.number for one in following.look(10).records] == [first_record(2) + 1]
