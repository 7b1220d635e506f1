"""A service on a shared journal: which processes it has by its role and its slots, and when they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from receiver.journal.slots import HeldSlot
from receiver.service import slot_holder
from receiver.service.config.settings import Settings, build
from receiver.service.process import FENCED_EXIT, ServeRole
from receiver.service.shared import SharedCast, Ties
from receiver.service.watched_child import Child, GaveUp
from tests.service.slot_table import LEASE_S, Store, Table, table
from tests.support import Lines

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}], "poll": {}}
STORY: list[str] = []
FAILURES: dict[str, Exception] = {}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children without processes, and turns of a test's length."""
    monkeypatch.setattr(slot_holder, "TURN_S", 0.005)
    monkeypatch.setattr(slot_holder, "RENEW_S", 0.0)
    STORY.clear()
    FAILURES.clear()

    async def run(child: Child) -> None:
        STORY.append(f"{child.name} runs")
        if child.name in FAILURES:
            raise FAILURES[child.name]
        while not child.stopping():
            await asyncio.sleep(0.002)

    async def end(child: Child, timeout_s: float = 0) -> None:
        STORY.append(f"{child.name} {'stops' if timeout_s else 'is killed'}")
        cast("Any", child)._stopping = True

    monkeypatch.setattr(Child, "run", run)
    monkeypatch.setattr(Child, "stop", end)
    monkeypatch.setattr(Child, "kill", end)


class Journal:
    """A journal of a table's slots."""

    def __init__(self, shared: Table) -> None:
        self.shared = shared

    def slots(self) -> Store:
        """As the port has it."""
        return Store(self.shared)

    crew = slots


def settings(folder: Path, **tables: Any) -> Settings:
    """A configuration with Kafka and an API that is asked; nothing of it is reached."""
    kafka = {"bootstrap_servers": ["127.0.0.1:9"]}
    url = {"url": "postgresql://nobody@127.0.0.1:9/none"}
    return build({"journal": url, "kafka": kafka, "sources": [SOURCE], **tables}, str(folder))


def cast_of(role: ServeRole, shared: Table, folder: Path, **tables: Any) -> SharedCast:
    """The cast of a role."""
    journal = cast("Any", Journal(shared))
    listener = None if role == "worker" else 5
    return SharedCast(
        settings(folder, **tables), role, journal, lambda _: journal, Ties(4, listener), log=Lines(), lease_s=LEASE_S
    )


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for at most a minute."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.002)


def names(made: SharedCast) -> set[str]:
    """Of the children that are there."""
    return {child.name for child in made.children()}


OF_SLOT = ("interpret", "publish", "reconcile")


@pytest.mark.parametrize(
    ("role", "intakes", "works"), [("intake", 3, False), ("worker", 3, True), ("all", 1, True), ("all", 2, True)]
)
async def test_each_role_has_its_processes(role: ServeRole, intakes: int, tmp_path: Path, *, works: bool) -> None:
    """Those of a slot come when it is taken, and all of them end before the slot is free."""
    shared = table(2)
    made = cast_of(role, shared, tmp_path, server={"processes": intakes})
    running = asyncio.create_task(made.run())
    taking = (
        set() if role == "worker" else {"intake"} if intakes == 1 else {f"intake.{n}" for n in range(1, intakes + 1)}
    )
    working = {f"{name}.{slot}" for name in OF_SLOT for slot in (0, 1)} | {"keep"} if works else set()
    await until(lambda: made.holder.seen.asked and names(made) == taking | working)
    assert made.readiness()["role"] == role
    assert made.readiness()["database"]["state"] == "up"
    assert ("inbox" in made.readiness()) is (role != "worker")
    assert b"receiver_slot_held" in made.metrics()
    await made.drain(30)
    await asyncio.wait_for(running, 60)
    assert {line for line in STORY if line.endswith("stops")} == {f"{name} stops" for name in taking | working}
    if taking and working:
        assert max(STORY.index(f"{name} stops") for name in taking) < min(
            STORY.index(f"{name} stops") for name in working
        )
    assert {holder for _, holder in shared.slots.values()} == {None}


async def test_a_fenced_child_has_the_slot_looked_at_and_teaches_nothing(tmp_path: Path) -> None:
    """Its death is no callback's fault."""
    shared = table(1)
    made = cast_of("worker", shared, tmp_path)
    looked: list[int] = []
    made.holder.look = lambda: looked.append(1)  # type: ignore[method-assign]
    team = made._team_of(HeldSlot(0, 1))
    for child in team.children[:2]:
        child._on_death(FENCED_EXIT)
    assert len(looked) == 2
    await team.kill()
    assert STORY == ["interpret.0 is killed", "publish.0 is killed", "reconcile.0 is killed"]


async def test_a_child_that_is_not_started_again_ends_all(tmp_path: Path) -> None:
    """Whether it takes callbacks or acts for a slot; the others drain."""
    for name in ("intake", "publish.0"):
        FAILURES.clear()
        FAILURES[name] = GaveUp(f"{name} died too often")
        shared = table(1)
        made = cast_of("all", shared, tmp_path)
        with pytest.raises(GaveUp, match=name):
            await asyncio.wait_for(made.run(), 60)
        await made.drain(30)
        assert {holder for _, holder in shared.slots.values()} == {None}
