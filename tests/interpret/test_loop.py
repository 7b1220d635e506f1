"""The loop: it is woken, keeps its pace, finds time for chores, heals, and ends with an empty inbox."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any, cast

import pytest

from receiver.interpret import loop as interpreter_loop
from receiver.interpret.loop import InterpreterLoop, batch_window_s
from receiver.model.errors import Fenced, StoreFailed
from tests.support import OXPAY_VECTORS, Lines, Way

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])


def body(number: int, **changes: Any) -> bytes:
    """A distinct exchange."""
    return json.dumps(DONE | {"id": f"operation-{number}"} | changes).encode()


async def test_the_loop_reports_a_refused_commit_heals_and_ends_with_an_empty_inbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it is refused, ``detail`` says why; ``stop`` interprets what is left."""
    way, log = Way(), Lines()
    commit, failures = way.outbox.commit, [StoreFailed("disk full")]

    def sometimes(batch: Any) -> None:
        if failures:
            raise failures.pop()
        commit(batch)

    monkeypatch.setattr(way.outbox, "commit", sometimes)
    monkeypatch.setattr("receiver.interpret.loop.RETRY_S", 0.01)
    told: list[int] = []
    loop = InterpreterLoop(way.interpreter, wait_s=0, on_records=lambda: told.append(1), log=log)
    await way.deliver("0xpay-main", body(1))
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(60):
        while not told or loop.detail is not None:
            await asyncio.sleep(0.01)
    assert log.named("outbox.refused") == [{"why": "disk full"}]
    await way.deliver("0xpay-main", body(2))
    loop.stop()
    await running
    assert way.outbox.last_number() == 2


async def test_chores_are_done_between_callbacks_that_never_end() -> None:
    """Steady traffic must not keep retention away."""
    said: list[str] = []

    class Steady:
        """One callback a step, five times, and then none."""

        def step(self) -> int:
            said.append("step")
            return int(said.count("step") <= 5)

    def chores() -> bool:
        said.append("chores")
        return False

    def on_records() -> None:
        loop.wake() if said.count("step") < 5 else loop.stop()

    steady: Any = Steady()
    loop = InterpreterLoop(steady, wait_s=0, on_records=on_records, log=Lines(), chores=chores)
    await asyncio.wait_for(loop.run(), 60)
    assert said == [*["step", "chores"] * 4, "step", "step"]


async def test_callbacks_that_keep_coming_are_interpreted_at_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes alone waits out the batch window only; those after it until the last batch is long enough ago."""
    monkeypatch.setattr(interpreter_loop, "PACE_S", 0.3)
    began_s: list[float] = []
    running = asyncio.get_running_loop()

    class Steady:
        """Nothing at first, and then a callback a step, each followed by another."""

        def step(self) -> int:
            began_s.append(running.time())
            return int(1 < len(began_s) < 5)

    def on_records() -> None:
        batches_s.append(loop._began_s)
        loop.wake() if len(began_s) < 4 else loop.stop()

    steady: Any = Steady()
    batches_s: list[float] = []  # by the loop's own clock: on a busy machine its thread begins a little later
    loop = InterpreterLoop(steady, wait_s=0.2, on_records=on_records, log=Lines())
    running.call_later(0.05, loop.wake)
    started_s = running.time()
    await asyncio.wait_for(loop.run(), 60)
    assert began_s[1] - started_s >= 0.05 + 0.2 - 0.01
    assert len(batches_s) == 3
    assert min(later - earlier for earlier, later in pairwise(batches_s)) >= 0.3 - 0.01


@pytest.mark.parametrize(
    ("wait_ms", "since_ms", "window_ms"),
    [(20, 5, 35), (20, 15, 25), (20, 30, 20), (20, 1000, 20), (5, 0, 10), (5, 6, 5), (0, 0, 0), (500, 0, 500)],
)
def test_the_pace_is_never_slower_than_a_patient_wait(wait_ms: int, since_ms: int, window_ms: int) -> None:
    """Nor quicker than the batch window; who sets that to nothing is not made to wait."""
    assert batch_window_s(wait_ms / 1000, since_ms / 1000) == pytest.approx(window_ms / 1000)


async def test_a_slot_that_is_anothers_ends_the_loop() -> None:
    """Trying again would never help, and what was not committed is the other's to do."""

    class Zombie:
        """Its slot was taken while it was paused."""

        def step(self) -> int:
            raise Fenced("slot 0 is in other hands")

    log = Lines()
    loop = InterpreterLoop(cast("Any", Zombie()), wait_s=0, on_records=lambda: None, log=log)
    with pytest.raises(Fenced):
        await asyncio.wait_for(loop.run(), 60)
    assert log.named("outbox.refused") == []
