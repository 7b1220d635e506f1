"""When a clock may be believed; what goes by it is tested with stores, in ``tests/contract/journal``."""

from __future__ import annotations

import asyncio

import pytest

from receiver.journal import retention
from receiver.journal.parts import NoParts
from receiver.journal.retention import DOUBT_US, PartsAhead, cutoff_text, cutoff_us
from receiver.model.errors import StoreFailed
from receiver.model.times import DAY_US
from tests.support import Lines


def test_the_cutoff() -> None:
    """Inclusive at the limit of doubt; an empty inbox has nothing to purge."""
    assert cutoff_us(100 * DAY_US, 100 * DAY_US - DOUBT_US, 10) == 90 * DAY_US
    assert cutoff_us(100 * DAY_US, 100 * DAY_US - DOUBT_US - 1, 10) is None
    assert cutoff_us(100 * DAY_US, 100 * DAY_US + DOUBT_US, 10) == 90 * DAY_US
    assert cutoff_us(100 * DAY_US, 100 * DAY_US + DOUBT_US + 1, 10) is None
    assert cutoff_us(100 * DAY_US, None, 10) is None
    assert cutoff_us(100 * DAY_US, 100 * DAY_US, 0) is None, "kept for ever"


@pytest.mark.parametrize(
    ("now_days", "days", "text"),
    [(100, 10, "1970-04-01T00:00:00.000000Z"), (100, 0, None), (5, 10, None)],
)
def test_the_cutoff_as_records_hold_it(now_days: int, days: int, text: str | None) -> None:
    """None where nothing may go, and where it would be before the first time that there is."""
    assert cutoff_text(now_days * DAY_US, now_days * DAY_US, days) == text


class Refusing(NoParts):
    """A reader holds the lock at first; then two parts are made, and then there is nothing more to make."""

    def __init__(self) -> None:
        self.answers = [2, None]
        self.done = asyncio.Event()
        self.asked: list[int] = []

    def make_ahead(self, keep_days: int) -> int:
        """One answer after the other."""
        self.asked.append(keep_days)
        if not self.answers:
            self.done.set()
            return 0
        answer = self.answers.pop()
        if answer is None:
            raise StoreFailed("parts: canceling statement due to lock timeout")
        return answer


async def test_parts_that_could_not_be_made_are_made_in_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a person may read why."""
    monkeypatch.setattr(retention, "AHEAD_S", 0)
    parts, log = Refusing(), Lines()
    running = asyncio.create_task(PartsAhead(parts, days=30, log=log).run())
    await asyncio.wait_for(parts.done.wait(), 20)
    running.cancel()
    assert log.lines[:2] == [
        ("warning", "inbox.part_not_made", {"why": "parts: canceling statement due to lock timeout"}),
        ("info", "inbox.parts_made", {"parts": 2}),
    ]
    assert set(parts.asked) == {30}
