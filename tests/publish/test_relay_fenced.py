"""A relay whose slot of the journal was taken: it says so, ends, and fences nobody."""

from __future__ import annotations

import asyncio

import pytest

from receiver.model.errors import Fenced
from receiver.publish import relay as relay_module
from tests.publish.test_relay import Stage, add


async def test_whoever_lost_its_slot_does_not_even_connect() -> None:
    """Or it would end the session of the one that has it."""
    stage = Stage()
    add(stage.outbox, 1)
    stage.relay = stage.make(still_ours=lambda: False)
    with pytest.raises(Fenced):
        await asyncio.wait_for(stage.relay.run(), 60)
    assert not stage.kafka.epochs
    assert stage.kafka.messages == []


async def test_whoever_loses_it_while_connecting_publishes_nothing() -> None:
    """The successor asks the same before it connects: at most one of the two goes on."""
    stage = Stage()
    add(stage.outbox, 1)
    answers = [False, True]
    stage.relay = stage.make(still_ours=answers.pop)
    with pytest.raises(Fenced):
        await asyncio.wait_for(stage.relay.run(), 60)
    assert stage.kafka.epochs["journal"] == 1
    assert stage.kafka.messages == []


async def test_an_outbox_that_only_counts_from_its_slot_on_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers begin far above 0: none of them waits, so that Kafka is up as soon as it answers."""
    monkeypatch.setattr(relay_module, "PROBE_S", 0.01)
    stage = Stage()
    below = 1 << 48
    monkeypatch.setattr(stage.outbox, "last_number", lambda: below)
    stage.relay = stage.make(first=below)
    async with stage.running():
        await stage.until(lambda: stage.relay.state.word == "up")
