"""Slots are taken while there is room, kept while we live, and left at once when they are another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from receiver.journal.slots import RECONCILE, HeldLease, HeldSlot, SlotState, first_record
from receiver.model.errors import StoreFailed
from receiver.service import slot_holder
from receiver.service.slot_holder import SlotHolder
from receiver.service.watched_child import GaveUp
from tests.support import Lines

LEASE_S = 5.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of a test's length; a word that we are there with each of them."""
    monkeypatch.setattr(slot_holder, "TURN_S", 0.005)
    monkeypatch.setattr(slot_holder, "RENEW_S", 0.0)


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
        assert lease_s == LEASE_S
        table = self._need()
        for slot, (epoch, by) in table.slots.items():
            if slot not in held and (by in {None, holder} or by in table.silent):
                table.slots[slot] = epoch + 1, holder
                return HeldSlot(slot, epoch + 1)
        return None

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
        assert lease_s == LEASE_S
        epoch, by = self._need().leases.get(name, (0, None))
        if by in {None, holder} or by in self.table.silent:
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
            await asyncio.wait_for(self.holder.stop(1), 5)
            await asyncio.wait_for(task, 5)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for at most ten seconds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.002)


def table(slots: int) -> Table:
    """A journal whose slots nobody holds."""
    return Table(dict.fromkeys(range(slots), (0, None)))


async def test_one_worker_takes_all_and_leaves_them_free() -> None:
    """Its children finish before another may have the slots."""
    shared = table(3)
    async with Worker(shared, "a").running() as worker:
        await until(lambda: worker.slots == {0, 1, 2})
        assert worker.said == ["0@1 started", "1@1 started", "2@1 started"]
        assert worker.log.named("slot.taken")[0] == {"slot": 0, "epoch": 1, "from_another": False}
    assert worker.said[3:] == ["0@1 stopped", "1@1 stopped", "2@1 stopped"]
    assert shared.slots == {0: (1, None), 1: (1, None), 2: (1, None)}
    assert shared.crew == set()
    assert worker.holder.seen.takeovers == 0


async def test_a_worker_that_joins_gets_its_share() -> None:
    """Though all slots were in another's hands, who renewed them all the while."""
    shared = table(4)
    async with Worker(shared, "a").running() as first:
        await until(lambda: len(first.slots) == 4)
        async with Worker(shared, "b").running() as second:
            await until(lambda: len(first.slots) == len(second.slots) == 2)
            assert first.slots | second.slots == {0, 1, 2, 3}
            assert {"3@1 stopped", "2@1 stopped"} <= set(first.said)
            assert second.holder.seen.takeovers == 0
        await until(lambda: len(first.slots) == 4)
    assert "3@3 started" in first.said
    assert first.log.named("slot.lost") == []


async def test_a_slot_that_another_took_is_left_at_once() -> None:
    """Its children are killed: whatever they were at does not count any more."""
    shared = table(1)
    async with Worker(shared, "a").running() as worker:
        await until(lambda: worker.slots == {0})
        shared.slots[0] = 2, "b"
        await until(lambda: not worker.slots)
        await until(lambda: worker.said[-1] == "0@1 killed")
    assert worker.log.named("slot.lost") == [{"slot": 0, "epoch": 1}]
    assert worker.holder.seen.lost == 1
    assert shared.slots[0] == (2, "b")


async def test_the_slots_of_a_worker_that_is_silent_are_taken_over() -> None:
    """By whoever has room, and it is counted."""
    shared = table(2)
    shared.slots = {0: (7, "dead"), 1: (3, "dead")}
    shared.quiet.add("dead")
    async with Worker(shared, "b").running() as worker:
        await until(lambda: worker.holder.seen.asked)
        assert worker.slots == set()
        shared.forget("dead")
        await until(lambda: worker.slots == {0, 1})
    assert worker.said[:2] == ["0@8 started", "1@4 started"]
    assert worker.holder.seen.takeovers == 2


async def test_nothing_is_left_while_the_database_is_away() -> None:
    """It is said once that it is, and once that it is back; children go on trying, and slots are still ours then."""
    shared = table(1)
    async with Worker(shared, "a").running() as worker:
        await until(lambda: worker.slots == {0})
        opened = shared.opened
        shared.down = True
        await until(lambda: worker.holder.seen.trouble is not None)
        await until(lambda: shared.opened > opened + 2)
        shared.down = False
        await until(lambda: worker.holder.seen.trouble is None)
        assert worker.slots == {0}
    assert worker.said == ["0@1 started", "0@1 stopped"]
    assert [event for _, event, _ in worker.log.lines if event.startswith("database.")] == [
        "database.down",
        "database.up",
    ]


async def test_it_stops_although_the_database_is_away() -> None:
    """The others wait for the lease to run out."""
    shared = table(1)
    async with Worker(shared, "a").running() as worker:
        await until(lambda: worker.slots == {0})
        shared.down = True
    assert worker.said == ["0@1 started", "0@1 stopped"]
    assert shared.slots == {0: (1, "a")}


async def test_what_one_does_for_all_is_done_by_one() -> None:
    """And by another when that one is gone, or has lost it."""
    shared = table(1)
    async with Worker(shared, "b", leased=[RECONCILE]).running() as second:
        await until(lambda: "reconcile started" in second.said)
        async with Worker(shared, "a", leased=[RECONCILE]).running() as first:
            await until(lambda: first.holder.seen.asked)
            shared.leases[RECONCILE] = 5, "c"
            await until(lambda: "reconcile killed" in second.said)
            assert "reconcile started" not in first.said
            shared.forget("c")
            await until(lambda: shared.leases[RECONCILE][1] in {"a", "b"})
    epoch, holder = shared.leases[RECONCILE]
    assert epoch >= 6
    assert holder is None


async def test_who_only_looks_takes_nothing() -> None:
    """A process that takes callbacks tells of the slots all the same."""
    shared = table(2)
    async with Worker(shared, "a", takes=False, leased=[]).running() as worker:
        await until(lambda: len(worker.holder.seen.slots) == 2)
        await until(lambda: shared.opened > 0)
    assert (worker.said, shared.crew) == ([], set())
    assert shared.slots == {0: (0, None), 1: (0, None)}


async def test_a_child_that_dies_again_and_again_ends_the_service() -> None:
    """As it does where nothing is shared."""
    shared = table(1)
    worker = Worker(shared, "a")
    task = asyncio.create_task(worker.holder.run())
    await until(lambda: bool(worker.teams))
    worker.teams[0].error = GaveUp("the publish.0 process died 20 times within 60 s")
    with pytest.raises(GaveUp):
        await asyncio.wait_for(task, 5)
    await worker.holder.stop(1)
    assert shared.slots == {0: (1, None)}


async def test_a_child_that_was_fenced_makes_it_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not only with the next turn, or the child would be started again in vain."""
    shared = table(1)
    async with Worker(shared, "a").running() as worker:
        await until(lambda: worker.slots == {0})
        monkeypatch.setattr(slot_holder, "TURN_S", 3600)
        monkeypatch.setattr(slot_holder, "RENEW_S", 3600)
        await asyncio.sleep(0.05)
        shared.slots[0] = 2, "b"
        worker.holder.look()
        await until(lambda: not worker.slots)


async def test_a_transaction_that_stays_open_is_measured() -> None:
    """As long as it is the oldest; an idle server has none, whatever the time."""
    shared = table(1)
    worker = Worker(shared, "a")
    now = [100.0]
    worker.holder.clock_s = lambda: now[0]
    async with worker.running():
        await until(lambda: worker.slots == {0})
        now[0] = 160.0
        assert worker.holder.seen.horizon_age_s == 0
        shared.following = 9
        await until(lambda: worker.holder.seen.horizon_age_s == 60)
        shared.oldest = 9
        await until(lambda: worker.holder.seen.horizon_age_s == 0)
