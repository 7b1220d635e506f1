"""The window on the end of the outbox: what it gives is what the outbox would give."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from receiver import recent
from receiver.recent import RecentRecords
from receiver.testing import FakeOutbox
from tests.support import ONCHAINPAY_VECTORS, Way

SWAP = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"]


async def filled(count: int) -> tuple[FakeOutbox, RecentRecords]:
    """An outbox of so many records, and a window on it that has seen none of them."""
    way = Way()
    await way.events("swaps", [json.dumps(SWAP | {"id": str(number)}).encode() for number in range(count)])
    return way.outbox, RecentRecords(way.outbox)


def held(window: RecentRecords) -> list[int]:
    """The numbers that it holds."""
    return [record.number for record in window._records]


async def test_whatever_is_asked_for_it_answers_as_the_outbox_does() -> None:
    """From the window where it has it, else from the file."""
    outbox, window = await filled(10)
    window.add(outbox.records[4:7])
    window.add(outbox.records[7:10])
    for after in range(12):
        for limit in (1, 3, 100):
            given, wanted = window.read(after, limit), outbox.read(after, limit)
            assert list(given) == list(wanted)[: len(given)]
            assert bool(given) == bool(wanted)
    outbox.records = []
    assert [record.number for record in window.read(5, 100)] == [6, 7, 8, 9, 10]


async def test_a_gap_or_a_change_of_the_outbox_begins_it_anew() -> None:
    """Records that do not follow those before them were numbered after somebody mended the outbox."""
    outbox, window = await filled(10)
    window.add(outbox.records[:5])
    window.add(outbox.records[7:9])
    assert held(window) == [8, 9]
    window.add([])
    assert held(window) == [8, 9]
    window.forget()
    assert held(window) == []
    assert [record.number for record in window.read(7, 9)] == [8, 9, 10]


async def test_it_is_bounded_in_records_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    outbox, window = await filled(10)
    monkeypatch.setattr(recent, "RECORDS_MAX", 4)
    window.add(outbox.records)
    assert held(window) == [7, 8, 9, 10]
    monkeypatch.setattr(recent, "BYTES_MAX", 10_000)
    window.add([replace(outbox.records[9], number=11, value=b"x" * 9000)])
    assert held(window)[-1] == 11
    assert sum(len(record.value) for record in window._records) <= 10_000
