"""Retention by age: what is old, interpreted, published and not in quarantine leaves the journal, in small steps.

A callback that said only what another one had said goes after a day: it is a repeat that was stored, since the intake
process did not remember the first, and a replay can make many of them. What became of it stays known.

What is old is told by ``cutoff``, which does not believe a clock that leaps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from receiver.journal.cutoff import Cutoff
from receiver.journal.entries import Stores
from receiver.journal.parts import NO_PARTS, Part, Parts, outside
from receiver.journal.ports import Inbox, InboxReader, Outbox, Rejects
from receiver.model.clock import Clock
from receiver.model.errors import JournalError, StoreFailed, Unavailable
from receiver.model.log import Log
from receiver.model.times import DAY_US

STEP = 200
"""Callbacks in one DELETE: measured, 500 stall the writer for up to 51 ms."""
PAUSE_S = 0.05
"""Between two steps: callbacks come first."""
ROUND_S = 600.0
AHEAD_S = 60.0
"""Between two looks whether the inbox has parts for what comes."""
DUPLICATES_DAYS = 1
"""How long a duplicate is kept whole, for a person who asks what came."""

P = ParamSpec("P")
T = TypeVar("T")


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """One step, in a thread of its own. Who is cancelled meanwhile ends after it: then its stores may be closed."""
    step = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.gather(step, return_exceptions=True)
        raise


class InboxRetention:
    """Purges the inbox now and then."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        *,
        entries: InboxReader,
        outbox: Outbox,
        inbox: Inbox,
        clock: Clock,
        days: int,
        log: Log,
        parts: Parts = NO_PARTS,
    ) -> None:
        self._parts = parts
        self._entries = entries
        self._outbox = outbox
        self._inbox = inbox
        self._clock = clock
        self._days = days
        self._cutoff = Cutoff(entries)
        self._log = log
        self._round_lock = asyncio.Lock()
        self._duplicates_to = 0
        """Up to this inbox number there are no duplicates left."""

    async def run(self) -> None:
        """Purge every ten minutes until cancelled."""
        while True:
            await asyncio.sleep(ROUND_S)
            with contextlib.suppress(StoreFailed, JournalError, Unavailable):  # the next round tries again
                await self.round()

    async def round(self) -> int:
        """Purge all that may go; gives how many callbacks went."""
        async with self._round_lock:
            dropped = await self._drop_parts()
            return dropped + await self._purge_old() + await self._purge_duplicates()

    async def _drop_parts(self) -> int:
        cutoff = await _in_thread(self._before_us)
        if cutoff is None:
            return 0
        gone = await _in_thread(self._parts.let_go, cutoff)
        if gone.parts:
            self._log.info("inbox.parts_dropped", parts=gone.parts, callbacks=gone.callbacks, set_aside=gone.set_aside)
        if gone.held_up:
            self._log.warning("inbox.part_stays", why=gone.held_up)
        return gone.callbacks

    def _before_us(self) -> int | None:
        return self._cutoff.before_us(self._clock.now_us(), self._days)

    async def _purge_duplicates(self) -> int:
        purged, more = 0, True
        while more:
            more, numbers, done_to = await _in_thread(self._pick_duplicates)
            if numbers:
                await self._inbox.purge(numbers)
                purged += len(numbers)
                await asyncio.sleep(PAUSE_S)
            self._duplicates_to = done_to  # not before they are gone
        if purged:
            self._log.info("inbox.duplicates_purged", callbacks=purged, older_than_days=DUPLICATES_DAYS)
        return purged

    def _pick_duplicates(self) -> tuple[bool, list[int], int]:
        # (whether there is more to do, those that may go, up to which number there are none then)
        cutoff = self._cutoff.before_us(self._clock.now_us(), DUPLICATES_DAYS)
        picked: list[int] = []
        done_to = self._duplicates_to
        if cutoff is None:
            return False, picked, done_to
        found = self._outbox.duplicates(done_to, STEP)
        for number in found:
            there = [at_us for at, at_us in self._entries.ages(number - 1, 1) if at == number]
            if any(at_us >= cutoff for at_us in there):
                return False, picked, done_to
            picked += [number] if there else []
            done_to = number
        return len(found) == STEP, picked, done_to

    async def _purge_old(self) -> int:
        purged = 0
        for part in await _in_thread(self._loose):
            after: int | None = part.first - 1
            while after is not None:
                after, numbers = await _in_thread(self._pick, after, part.end)
                if numbers:
                    await self._inbox.purge(numbers)
                    purged += len(numbers)
                await asyncio.sleep(PAUSE_S)
        if purged:
            self._log.info("inbox.purged", callbacks=purged, older_than_days=self._days)
        return purged

    def _loose(self) -> list[Part]:
        # The stretches of numbers whose callbacks go one by one.
        cutoff = self._before_us()
        if cutoff is None:
            return []
        return list(outside(self._parts.whole(self._days, cutoff), self._entries.last_number() + 1))

    def _pick(self, after: int, end: int) -> tuple[int | None, list[int]]:
        cutoff = self._before_us()
        if cutoff is None:
            return None, []
        found = self._entries.ages(after, STEP)
        old = [number for number, at_us in found if at_us < cutoff and number < end]
        return (old[-1], sorted(self._outbox.settled(old))) if old else (None, [])


class PartsAhead:
    """Has the next parts of the inbox made before they are needed."""

    def __init__(self, parts: Parts, *, days: int, log: Log) -> None:
        """``days`` is how long callbacks are kept; 0 for ever."""
        self._parts = parts
        self._days = days
        self._log = log

    async def run(self) -> None:
        """Make them at once, and every minute until cancelled."""
        while True:
            try:
                made = await _in_thread(self._parts.make_ahead, self._days)
                if made:
                    self._log.info("inbox.parts_made", parts=made)
            except (StoreFailed, JournalError) as error:  # the next round tries again, and nothing is refused meanwhile
                self._log.warning("inbox.part_not_made", why=str(error))
            await asyncio.sleep(AHEAD_S)


class RejectsRetention:
    """Forgets refused callbacks of a certain age; the sample's size is its own affair."""

    def __init__(self, rejects: Rejects, clock: Clock, *, days: int, log: Log) -> None:
        self._rejects = rejects
        self._clock = clock
        self._days = days
        self._log = log

    async def run(self) -> None:
        """Forget at once, and every ten minutes until cancelled."""
        while True:
            with contextlib.suppress(StoreFailed, JournalError):  # the next round tries again
                await self.round()
            await asyncio.sleep(ROUND_S)

    async def round(self) -> int:
        """Forget all that may go; gives how many went. Nothing is lost by a wrong clock but a sample."""
        if self._days == 0:
            return 0
        count = await _in_thread(self._rejects.forget_before, self._clock.now_us() - self._days * DAY_US)
        if count:
            self._log.info("rejects.purged", callbacks=count, older_than_days=self._days)
        return count


class OutboxRetention:
    """Purges the outbox a step at a time, whenever its writer is not behind."""

    def __init__(self, *, stores: Stores, clock: Clock, days: int, contents_days: int, log: Log) -> None:
        self._cutoff = Cutoff(stores.inbox, stores.requests)
        self._outbox = stores.outbox
        self._clock = clock
        self._days = days
        self._contents_days = contents_days
        self._log = log
        self._next_s = clock.monotonic_s() + ROUND_S
        self._purged = 0

    def step(self) -> bool:
        """Purge a little, if it is time to; whether there is more to do soon. Raises ``StoreFailed``.

        Called by the writer's own thread.
        """
        if self._clock.monotonic_s() < self._next_s:
            return self._purged > 0
        now_us = self._clock.now_us()
        records = self._cutoff.before_text(now_us, self._days)
        contents = self._cutoff.before_text(now_us, self._contents_days)
        count = self._outbox.purge(records, contents, STEP) if records or contents else 0
        self._purged += count
        if count:
            self._next_s = self._clock.monotonic_s() + PAUSE_S
            return True
        if self._purged:
            self._log.info("outbox.purged", rows=self._purged, older_than_days=self._days)
        self._purged, self._next_s = 0, self._clock.monotonic_s() + ROUND_S
        return False
