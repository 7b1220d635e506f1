"""Parts of the inbox that are made ahead; what goes by age is tested with stores, in ``tests/contract/journal``."""

from __future__ import annotations

import asyncio
import threading

import pytest

from receiver.journal import retention
from receiver.journal.parts import NoParts
from receiver.journal.retention import PartsAhead
from receiver.model.errors import StoreFailed
from tests.support import Lines


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


async def test_who_is_cancelled_within_a_step_ends_after_it() -> None:
    """The stores are closed then, which one that still works in its thread must not find."""

    class Slow(NoParts):
        begun, may_end, over = threading.Event(), threading.Event(), False

        def make_ahead(self, keep_days: int) -> int:
            """As long as the test likes."""
            self.begun.set()
            assert self.may_end.wait(60)
            self.over = True
            return 0

    parts = Slow()
    running = asyncio.create_task(PartsAhead(parts, days=30, log=Lines()).run())
    assert await asyncio.to_thread(parts.begun.wait, 60)
    running.cancel()
    await asyncio.wait([running], timeout=0.05)
    assert not running.done()
    parts.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert parts.over
