"""The interpret process on a journal in memory: what it does, says and counts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.interpret.loop import POLL_S, InterpreterLoop
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.slots import HeldSlot
from receiver.model.callback import VerifiedCallback
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from receiver.service.processes import interpret
from receiver.service.processes.interpret import InterpretProcess, make
from tests.support import ONCHAINPAY_VECTORS, Way

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
ENVIRON = {"P": "p", "S": "s"}


def context(way: Way) -> ProcessContext:
    """On the way's journal."""
    settings = build({"journal": {"url": "sqlite:/nowhere/journal"}, "sources": [SOURCE]}, "here")
    return ProcessContext(settings, ENVIRON, way.journal, way.log)


async def keep(way: Way, *identities: str) -> None:
    """Put callbacks into the inbox."""
    for identity in identities:
        body = json.dumps(ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"] | {"id": identity}).encode()
        await way.inbox.append(VerifiedCallback("swaps", way.clock.us, (), body))


async def until_idle(process: InterpretProcess) -> None:
    """Wait until nothing is left to interpret."""
    async with asyncio.timeout(60):
        while process.status()["uninterpreted"]:
            await asyncio.sleep(0.005)


async def test_what_is_kept_is_interpreted_and_the_next_process_woken() -> None:
    """What came before it ran, what comes then, and at its end what the inbox still holds."""
    way, woken = Way(), list[int]()
    await keep(way, "one", "two")
    process = make(replace(context(way), wake_next=lambda: woken.append(way.outbox.last_number())))
    assert process.status() == {"uninterpreted": 2, "interpreted": 0, "recorded": 0, "detail": None}
    running = asyncio.create_task(process.run())
    await until_idle(process)
    await keep(way, "three")
    process.wake()
    await until_idle(process)
    assert process.status() == {"uninterpreted": 0, "interpreted": 3, "recorded": 3, "detail": None}
    await keep(way, "four")
    process.stop()
    await asyncio.wait_for(running, 60)
    assert way.outbox.last_number() == 4
    assert woken[-1] == 4


async def test_a_backlog_has_a_size_and_an_age() -> None:
    """Both are on the page of metrics."""
    way = Way()
    process = make(context(way))
    await keep(way, "one")
    lines = process.metrics().decode().splitlines()
    assert "receiver_uninterpreted 1.0" in lines
    (age,) = [line for line in lines if line.startswith("receiver_uninterpreted_age_seconds ")]
    assert float(age.split()[1]) > 0


async def test_it_holds_no_secret_of_a_source_and_needs_none() -> None:
    """What was proven genuine is in the journal: one that is gone keeps it neither from starting nor from going on."""
    process = make(replace(context(Way()), environ={"P": "p"}))
    process.reload({})
    assert not any(source.secrets or source.keys for _, source in process._interpreter.sources.values())


@pytest.mark.parametrize(("held", "poll_s"), [(None, POLL_S), (HeldSlot(0, 1), 0.05)])
def test_a_slot_is_looked_at_as_often_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, held: HeldSlot | None, poll_s: float
) -> None:
    """Where others append, who cannot wake this process; else a wake tells of each callback."""
    asked: list[float] = []

    def loop(*given: Any, poll_s: float, **told: Any) -> InterpreterLoop:
        asked.append(poll_s)
        return InterpreterLoop(*given, poll_s=poll_s, **told)

    monkeypatch.setattr(interpret, "InterpreterLoop", loop)
    way = Way()
    journal = {"url": "postgresql://receiver@nowhere/receiver", "poll_ms": 50}
    settings = build({"journal": journal, "sources": [SOURCE]}, "here")
    monkeypatch.setattr(MemoryJournal, "held", held)
    make(replace(context(way), settings=settings))
    assert asked == [poll_s]
