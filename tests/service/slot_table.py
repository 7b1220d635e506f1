"""A journal's slots as a table in memory that workers of a test share, and such a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from receiver.journal.slots import HeldLease, HeldSlot, SlotState, first_record
from receiver.model.errors import StoreFailed
from receiver.service.slot_holder import ANY_S, SlotHolder
from tests.support import Lines

LEASE_S = 5.0


@dataclass
class Table:
    """The database, shared by the workers of a test. Time stands still, but for who is said to be silent."""

    slots: dict[int, tuple[int, str | None]]
    """Slot → epoch and holder."""
    leases: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    crew: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """Holders whose leases have run out."""
    quiet: set[str] = field(default_factory=set)
    """Holders that were heard of long ago, and whose leases have nearly run out."""
    down: bool = False
    oldest: int = 7
    following: int = 7
    in_no_part: int = 0
    """The oldest open transaction, and the next one."""
    opened: int = 0

    def forget(self, holder: str) -> None:
        """Let its leases run out."""
        self.silent.add(holder)
        self.crew.discard(holder)


class Store:
    """One connection to the table: both ports at once."""

    def __init__(self, table: Table) -> None:
        table.opened += 1
        self.table = table

    def _need(self) -> Table:
        if self.table.down:
            raise StoreFailed("the database is away")
        return self.table

    def take(self, holder: str, lease_s: float, held: Collection[int]) -> HeldSlot | None:
        """As the port has it."""
        table = self._need()
        for slot, (epoch, by) in table.slots.items():
            if slot not in held and (by in {None, holder} or self._ran_out(by, lease_s)):
                table.slots[slot] = epoch + 1, holder
                return HeldSlot(slot, epoch + 1)
        return None

    def _ran_out(self, holder: str | None, lease_s: float) -> bool:
        assert lease_s in {LEASE_S, ANY_S}
        return lease_s == LEASE_S and holder in self.table.silent

    def renew(self, holder: str, held: HeldSlot) -> bool:
        """As the port has it."""
        return self._need().slots[held.slot] == (held.epoch, holder)

    def give_up(self, holder: str, held: HeldSlot) -> None:
        """As the port has it."""
        if self.renew(holder, held):
            self.table.slots[held.slot] = held.epoch, None

    def states(self) -> Sequence[SlotState]:
        """As the port has it."""
        return [
            SlotState(slot, epoch, holder, self._age_s(holder), 0, 0, first_record(slot))
            for slot, (epoch, holder) in self._need().slots.items()
        ]

    def _age_s(self, holder: str | None) -> float | None:
        old = holder in self.table.quiet | self.table.silent
        return None if holder is None else LEASE_S - 0.1 if old else 0.5

    def workers(self, lease_s: float) -> int:
        """As the port has it; those without a slot are not counted, so nobody asks."""
        raise NotImplementedError(lease_s)

    def take_lease(self, name: str, holder: str, lease_s: float) -> HeldLease | None:
        """As the port has it."""
        epoch, by = self._need().leases.get(name, (0, None))
        if by in {None, holder} or self._ran_out(by, lease_s):
            self.table.leases[name] = epoch + 1, holder
            return HeldLease(name, epoch + 1)
        return None

    def renew_lease(self, holder: str, held: HeldLease) -> bool:
        """As the port has it."""
        return self._need().leases.get(held.name) == (held.epoch, holder)

    def give_up_lease(self, holder: str, held: HeldLease) -> None:
        """As the port has it."""
        if self.renew_lease(holder, held):
            self.table.leases[held.name] = held.epoch, None

    def attend(self, holder: str, lease_s: float) -> int:
        """As the port has it."""
        assert lease_s == LEASE_S
        self._need().crew.add(holder)
        return len(self.table.crew)

    def horizon(self) -> tuple[int, int]:
        """As the port has it."""
        return self._need().oldest, self.table.following

    def in_no_part(self) -> int:
        """As the port has it."""
        return self._need().in_no_part

    def leave(self, holder: str) -> None:
        """As the port has it."""
        self._need().crew.discard(holder)

    def close(self) -> None:
        """As the port has it."""


@dataclass
class FakeTeam:
    """Children that only note what becomes of them."""

    name: str
    said: list[str]
    error: BaseException | None = None

    def start(self) -> None:
        """As the port has it."""
        self.said.append(f"{self.name} started")

    async def stop(self, timeout_s: float) -> None:
        """As the port has it."""
        assert timeout_s > 0
        self.said.append(f"{self.name} stopped")

    async def kill(self) -> None:
        """As the port has it."""
        self.said.append(f"{self.name} killed")

    def failed(self) -> BaseException | None:
        """As the port has it."""
        return self.error


class Worker:
    """A holder, its children's story, and its log."""

    def __init__(self, table: Table, name: str, *, leased: Collection[str] = (), takes: bool = True) -> None:
        self.said: list[str] = []
        self.teams: list[FakeTeam] = []
        self.log = Lines()
        self.holder = SlotHolder(
            open_slots=lambda: Store(table),
            open_crew=lambda: Store(table),
            holder=name,
            lease_s=LEASE_S,
            team_of=lambda held: self.team(f"{held.slot}@{held.epoch}"),
            leased={one: lambda one=one: self.team(one) for one in leased},  # type: ignore[misc]
            log=self.log,
            takes=takes,
        )

    def team(self, name: str) -> FakeTeam:
        """Children for a slot or a lease."""
        self.teams.append(FakeTeam(name, self.said))
        return self.teams[-1]

    @property
    def slots(self) -> set[int]:
        """Those that it holds."""
        return {held.slot for held in self.holder.held}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Worker]:
        """Run it for the body's time, then stop it."""
        task = asyncio.create_task(self.holder.run())
        try:
            yield self
        finally:
            await asyncio.wait_for(self.holder.stop(1), 60)
            await asyncio.wait_for(task, 60)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for at most a minute."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.002)


def table(slots: int) -> Table:
    """A journal whose slots nobody holds."""
    return Table(dict.fromkeys(range(slots), (0, None)))
