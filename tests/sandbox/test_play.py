"""A provider played from the console: one simulation at a time, and what came beside what was expected."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from receiver.model.errors import ReceiverError
from receiver.sandbox.play import Play
from receiver.sandbox.simulator import Simulation
from tests.operate.desk import exchange
from tests.support import Way

FAULTS = dict.fromkeys(("duplicate", "reorder", "tamper", "late", "drop", "unknown"), 0.0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Simulation, float]]:
    """What was begun; nothing is sent."""
    begun: list[tuple[Simulation, float]] = []

    async def run(self: Simulation, *, rate: float, count: int | None) -> None:
        assert count is None
        begun.append((self, rate))
        await asyncio.Event().wait()

    monkeypatch.setattr(Simulation, "run", run)
    return begun


async def test_what_is_started_takes_the_place_of_what_was(sent: list[tuple[Simulation, float]]) -> None:
    """And at the end nothing is left over."""
    play = Play(Way().intake.sources, {"swaps": "http://127.0.0.1:1/webhooks/swaps"}, asyncio.get_running_loop())
    assert list(play.sources()) == ["swaps"]
    scenario = play.sources()["swaps"][0]
    play.start("", f"swaps:{scenario}", 3.0, FAULTS)
    play.start("swaps", "", 1.0, FAULTS)
    while len(sent) < 2:
        await asyncio.sleep(0)
    assert [rate for _, rate in sent] == [3.0, 1.0]
    assert sent[0][0]._stopping
    assert not sent[1][0]._stopping
    assert play.state()["sends"] == "all scenarios to swaps, 1 callbacks a second"
    await play.end()
    assert play.state()["sends"] == ""


async def test_what_is_not_there_cannot_be_played(sent: list[tuple[Simulation, float]]) -> None:
    """Neither a source nor a scenario; what was played goes on."""
    play = Play(Way().intake.sources, {"swaps": "http://127.0.0.1:1/webhooks/swaps"}, asyncio.get_running_loop())
    for source, scenario in (("none", ""), ("0xpay-main", ""), ("", ""), ("swaps", "no such")):
        with pytest.raises(ReceiverError):
            play.start(source, scenario, 1.0, FAULTS)
    assert sent == []
    assert play.state()["sent"] == 0


async def test_what_is_missing_is_said(sent: list[tuple[Simulation, float]]) -> None:
    """Beside what came of the operations that were sent, and of no others."""
    way = Way()
    await way.events("0xpay-main", [exchange("known")])
    play = Play(way.intake.sources, {"0xpay-main": "http://127.0.0.1:1/x"}, asyncio.get_running_loop())
    record = way.outbox.read(0, 1)[0]
    play.note(record)
    play.start("0xpay-main", "", 1.0, FAULTS)
    while not sent:
        await asyncio.sleep(0)
    sent[0][0].report.events["known"].add("Done")
    sent[0][0].report.events["lost"].add("Done")
    sent[0][0].report.answers = Counter({"200": 2})
    play.note(record)
    state = play.state()
    assert (state["expected"], state["held"], state["answers"]) == (2, 1, {"200": 2})
    assert any("lost" in line for line in state["missing"])
    await play.end()
