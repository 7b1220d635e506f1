"""Slots are taken while there is room, kept while we live, and left at once when they are another's."""

from __future__ import annotations

import asyncio

import pytest

from receiver.journal.slots import RECONCILE
from receiver.service import slot_holder
from receiver.service.watched_child import GaveUp
from tests.service.slot_table import LEASE_S, Worker, table, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of a test's length; a word that we are there with each of them."""
    monkeypatch.setattr(slot_holder, "TURN_S", 0.005)
    monkeypatch.setattr(slot_holder, "RENEW_S", 0.0)


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
        await asyncio.wait_for(task, 60)
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


async def test_leases_that_ran_out_while_the_database_was_away_are_not_taken_at_once() -> None:
    """Their holders could not renew them, and may come back a moment later; what is free is taken all the same."""
    shared = table(2)
    shared.slots[1] = 3, "b"
    shared.leases[RECONCILE] = 3, "b"
    shared.down = True
    worker = Worker(shared, "a", leased=[RECONCILE])
    now = [100.0]
    worker.holder.clock_s = lambda: now[0]
    async with worker.running():
        await until(lambda: worker.holder.seen.trouble is not None)
        shared.forget("b")
        shared.down = False
        await until(lambda: worker.slots == {0})
        now[0] += LEASE_S - 0.1
        turns = shared.opened
        shared.down = True  # so that a whole turn is seen to begin after this
        await until(lambda: shared.opened > turns)
        shared.down = False
        await until(lambda: worker.holder.seen.trouble is None)
        assert (worker.slots, shared.leases[RECONCILE]) == ({0}, (3, "b"))
        now[0] += LEASE_S
        await until(lambda: worker.slots == {0, 1})
        await until(lambda: shared.leases[RECONCILE] == (4, "a"))


async def test_a_database_that_fails_for_a_moment_keeps_no_slot_from_others() -> None:
    """However often: no lease has run out meanwhile but those of who is gone."""
    shared = table(2)
    shared.slots[1] = 3, "b"
    worker = Worker(shared, "a")
    now = [100.0]
    worker.holder.clock_s = lambda: now[0]
    async with worker.running():
        await until(lambda: worker.slots == {0})
        shared.down = True
        await until(lambda: worker.holder.seen.trouble is not None)
        now[0] += LEASE_S / 2 - 0.1
        shared.forget("b")
        shared.down = False
        await until(lambda: worker.slots == {0, 1})


async def test_callbacks_that_no_part_was_made_for_are_said() -> None:
    """Once, by whoever looks at the journal, also where it takes no slots; they are counted every minute."""
    shared = table(1)
    worker = Worker(shared, "a", takes=False)
    now = [100.0]
    worker.holder.clock_s = lambda: now[0]
    async with worker.running():
        await until(lambda: worker.holder.seen.asked)
        for count in (3, 7):
            shared.in_no_part = count
            now[0] += slot_holder.PARTS_LOOK_S
            await until(lambda count=count: worker.holder.seen.in_no_part == count)  # type: ignore[misc]
        shared.in_no_part = 0
        now[0] += slot_holder.PARTS_LOOK_S
        await until(lambda: worker.holder.seen.in_no_part == 0)
    assert worker.log.named("inbox.parts_missing") == [{"callbacks": 3}]
