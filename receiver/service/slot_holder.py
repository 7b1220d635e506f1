"""A worker's part in a journal that several share: it takes slots, keeps them while it lives, has children run them.

Theory of operation. Twice a second this looks who is there and which slots are free, takes one while it has fewer than
its share, and gives one up while it has more. Every second it says for each slot that it is still there; who does not
for ``lease_s`` loses it to another. That another has it is seen here by the next such word, and by the children by
their next commit, which the journal refuses: until then they do nothing that would count. So a lost slot's children are
killed and not asked to end. While the database is away nothing is taken and nothing given up: the children go on
trying, and whether the slot is still ours is known when it is back. All leases may have run out by then, since nobody
could renew any: for as long as one lasts only what is free is taken, or else whoever is back first would take the
others' slots, end their children, and hand the slots back, while events wait.

What only one worker does for all, such as asking providers' APIs, goes by a lease of its name in the same way.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from receiver.journal.sharing import Crew
from receiver.journal.slots import HeldLease, HeldSlot, Slots, SlotState
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.log import Log
from receiver.service.share import wish

TURN_S = 0.5
"""Between two looks at which slots are free."""
RENEW_S = 1.0
"""Between two words that we are there, s; a quarter of a lease where that is less."""

PARTS_LOOK_S = 60.0
"""Between two looks whether callbacks come for which no part of the inbox was made."""
ANY_S = 1e9
"""Longer than any lease, s: with it nobody's has run out."""

T = TypeVar("T")


class Team(Protocol):
    """The children that act for one slot, or by one lease."""

    def start(self) -> None:
        """Have them run."""

    async def stop(self, timeout_s: float) -> None:
        """Have them finish what they are at, within so long."""

    async def kill(self) -> None:
        """End them at once."""

    def failed(self) -> BaseException | None:
        """Why one of them is not started again, None while all are."""


@dataclass
class Seen:
    """What was seen of the journal last, for ``/readyz`` and ``/metrics``."""

    slots: Sequence[SlotState] = ()
    asked: bool = False
    """Whether the database has answered at all."""
    trouble: str | None = None
    """Why the database could not be asked last; None where it answered."""
    horizon_age_s: float = 0.0
    """For how long one transaction has been open that may keep callbacks from being read."""
    in_no_part: int = 0
    """Callbacks that came after the last part of the inbox was full: nobody makes the next ones."""
    takeovers: int = 0
    """Slots that we took over from a worker that had been silent for too long."""
    lost: int = 0
    """Slots that others took over from us."""


@dataclass
class SlotHolder:
    """Holds slots and leases for one supervisor."""

    open_slots: Callable[[], Slots]
    open_crew: Callable[[], Crew]
    holder: str
    """A text that no other worker ever uses."""
    lease_s: float
    team_of: Callable[[HeldSlot], Team]
    leased: Mapping[str, Callable[[], Team]]
    """Name of a lease → what runs where it is ours."""
    log: Log
    takes: bool = True
    """False: only look, as a process that takes callbacks and nothing else does."""
    clock_s: Callable[[], float] = time.monotonic
    seen: Seen = field(default_factory=Seen)

    def __post_init__(self) -> None:
        """Nothing is held yet."""
        self.held: dict[HeldSlot, Team] = {}
        self.leases: dict[HeldLease, Team] = {}
        self._thread = ThreadPoolExecutor(1, "slots")
        self._slots: Slots | None = None
        self._crew: Crew | None = None
        self._renewed_s = self._back_s = self._answered_s = self._parts_s = -math.inf
        self._stopping = self._stopped = False
        self._look = asyncio.Event()
        self._horizon, self._horizon_since_s = -1, 0.0
        self._turning = asyncio.Lock()
        self._leaving: dict[HeldSlot, asyncio.Task[None]] = {}
        """Slots whose children finish what they are at, since another worker is to have them."""

    async def run(self) -> None:
        """Hold slots until ``stop``; raises what ``Team.failed`` gives: a child that dies again and again."""
        while not self._stopped:
            self._look.clear()
            async with self._turning:
                try:
                    await self._turn()
                except (StoreFailed, JournalError) as error:
                    await self._unreachable(str(error))
            for team in (*self.held.values(), *self.leases.values()):
                if (failed := team.failed()) is not None:
                    raise failed
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), TURN_S)

    def look(self) -> None:
        """Look at once whether every slot is still ours: a child has ended since its was not."""
        self._renewed_s = -math.inf
        self._look.set()

    async def stop(self, timeout_s: float) -> None:
        """Have all children finish within ``timeout_s``, then give up everything, so that others go on at once.

        Until then the slots are still kept.
        """
        self._stopping = True
        async with self._turning:  # whatever is being taken is in our hands by now
            teams = (*self.held.values(), *self.leases.values())
        await asyncio.gather(*(team.stop(timeout_s) for team in teams), *self._leaving.values())
        async with self._turning:
            self._stopped = True
            self._look.set()
            with suppress(StoreFailed, JournalError):  # others wait for the leases to run out then
                await self._in_thread(self._give_up_all)
            await self._in_thread(self._close)
        self._thread.shutdown()

    def _give_up_all(self) -> None:
        slots = self._slots_open()
        for slot in self.held:
            slots.give_up(self.holder, slot)
        for lease in self.leases:
            slots.give_up_lease(self.holder, lease)
        if self.takes:
            self._crew_open().leave(self.holder)

    async def _turn(self) -> None:
        if self.takes and self.clock_s() - self._renewed_s >= min(RENEW_S, self.lease_s / 4):
            await self._renew()
            self._renewed_s = self.clock_s()
        self.seen.slots = await self._ask(lambda slots: slots.states())
        self.seen.asked = True
        await self._look_at_horizon()
        await self._look_at_parts()
        if self.seen.trouble is not None:
            self.seen.trouble = None
            # In less time no lease ran out: one that often fails for a moment keeps no dead worker's slot from us.
            if self.clock_s() - self._answered_s >= self.lease_s / 2:
                self._back_s = self.clock_s()
            self.log.info("database.up")
        self._answered_s = self.clock_s()
        if self.takes and not self._stopping:
            await self._balance()
            await self._take_leases()

    async def _look_at_horizon(self) -> None:
        oldest, following = await self._in_thread(lambda: self._crew_open().horizon())
        if oldest != self._horizon:
            self._horizon, self._horizon_since_s = oldest, self.clock_s()
        self.seen.horizon_age_s = self.clock_s() - self._horizon_since_s if following > oldest else 0.0

    async def _look_at_parts(self) -> None:
        if self.clock_s() - self._parts_s < PARTS_LOOK_S:
            return
        before, self.seen.in_no_part = (
            self.seen.in_no_part,
            await self._in_thread(lambda: self._crew_open().in_no_part()),
        )
        self._parts_s = self.clock_s()
        if self.seen.in_no_part and not before:
            self.log.warning("inbox.parts_missing", callbacks=self.seen.in_no_part)

    async def _renew(self) -> None:
        for slot in list(self.held):
            if not await self._ask(lambda slots, slot=slot: slots.renew(self.holder, slot)):  # type: ignore[misc]
                await self._lost(slot)
        for slot in list(self._leaving):  # until its children have ended nobody else can go on with it anyway
            await self._ask(lambda slots, slot=slot: slots.renew(self.holder, slot))  # type: ignore[misc]
        for lease in list(self.leases):
            if not await self._ask(lambda slots, lease=lease: slots.renew_lease(self.holder, lease)):  # type: ignore[misc]
                await self._lost_lease(lease)

    async def _lost(self, slot: HeldSlot) -> None:
        team = self.held.pop(slot)
        self.seen.lost += 1
        self.log.error("slot.lost", slot=slot.slot, epoch=slot.epoch)
        await team.kill()

    async def _lost_lease(self, lease: HeldLease) -> None:
        team = self.leases.pop(lease)
        self.log.warning("lease.lost", lease=lease.name)
        await team.kill()

    async def _balance(self) -> None:
        workers = await self._in_thread(lambda: self._crew_open().attend(self.holder, self.lease_s))
        wanted = wish(len(self.held), len(self.seen.slots), workers)
        if wanted == "take":
            await self._take()
        elif wanted == "give":
            self._give_up(max(self.held, key=lambda slot: slot.slot))

    async def _take(self) -> None:
        ours = [slot.slot for slot in (*self.held, *self._leaving)]
        patience_s = self._patience_s()
        taken = await self._ask(lambda slots: slots.take(self.holder, patience_s, ours))
        if taken is None:
            return
        # By what was seen a moment ago: one that had just been heard of has given it up since, and was not silent.
        silent = {state.slot for state in self.seen.slots if (state.lease_age_s or 0) > self.lease_s / 2}
        from_another = taken.slot in silent
        self.seen.takeovers += from_another
        self.log.info("slot.taken", slot=taken.slot, epoch=taken.epoch, from_another=from_another)
        self.held[taken] = team = self.team_of(taken)
        team.start()

    def _patience_s(self) -> float:
        # For how long a holder may have been silent.
        return self.lease_s if self.clock_s() - self._back_s >= self.lease_s else ANY_S

    def _give_up(self, slot: HeldSlot) -> None:
        self._leaving[slot] = asyncio.create_task(self._leave(slot, self.held.pop(slot)))

    async def _leave(self, slot: HeldSlot, team: Team) -> None:
        try:
            await team.stop(self.lease_s)
            await self._ask(lambda slots: slots.give_up(self.holder, slot))
            self.log.info("slot.given_up", slot=slot.slot, epoch=slot.epoch)
        except (StoreFailed, JournalError) as error:
            self.log.warning("slot.not_given_up", slot=slot.slot, why=str(error))
        finally:
            del self._leaving[slot]

    async def _take_leases(self) -> None:
        patience_s = self._patience_s()
        for name, make in self.leased.items():
            if any(lease.name == name for lease in self.leases):
                continue
            lease = await self._ask(lambda slots, name=name: slots.take_lease(name, self.holder, patience_s))  # type: ignore[misc]
            if lease is not None:
                self.log.info("lease.taken", lease=name)
                self.leases[lease] = team = make()
                team.start()

    async def _unreachable(self, why: str) -> None:
        if self.seen.trouble is None:
            self.log.error("database.down", why=why)
        self.seen.trouble = why
        await self._in_thread(self._close)  # the next turn opens them anew

    async def _ask(self, question: Callable[[Slots], T]) -> T:
        return await self._in_thread(lambda: question(self._slots_open()))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _slots_open(self) -> Slots:
        self._slots = self._slots or self.open_slots()
        return self._slots

    def _crew_open(self) -> Crew:
        self._crew = self._crew or self.open_crew()
        return self._crew

    def _close(self) -> None:
        stores: tuple[Any, ...] = (self._slots, self._crew)
        self._slots = self._crew = None
        for store in stores:
            if store is not None:
                store.close()
