"""The outbox is exchanged for an older copy of it while the relay is at work: it stops aloud, as at a start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receiver.publish import relay as relay_module
from tests.publish.test_relay import Stage, add, record


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a test's length; Kafka is looked at by itself only where a test wants it."""
    for name in ("RETRY_MIN_S", "RETRY_MAX_S", "PACE_MIN_S"):
        monkeypatch.setattr(relay_module, name, 0.01)
    monkeypatch.setattr(relay_module, "PROBE_S", 600)


def lose(stage: Stage, *numbers: int) -> None:
    """Have the outbox end before these, as if they had never been."""
    stage.outbox.records = [one for one in stage.outbox.records if one.number not in numbers]
    stage.outbox.last = min(numbers) - 1


async def test_numbers_that_were_given_again_are_not_published_beside_those_on_kafka() -> None:
    """Else what has the numbers that Kafka knows as another's would be skipped for ever, and nobody would know."""
    stage = Stage()
    add(stage.outbox, 1, 2, 3)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 3 and stage.relay.state.word == "up")
        lose(stage, 2, 3)
        stage.outbox.records += [replace(record(number), record_id=f"new-{number}") for number in (2, 3, 4)]
        stage.outbox.last = 4
        stage.relay.wake()
        await stage.until(lambda: stage.relay.state.word == "stopped")
        assert "different histories" in stage.relay.state.detail
    assert stage.published() == [1, 2, 3]


async def test_an_outbox_that_ends_before_what_is_on_kafka_stops_the_relay_at_the_next_record() -> None:
    """A record that gets a number below Kafka's position would never be read."""
    stage = Stage()
    add(stage.outbox, 1, 2, 3)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 3 and stage.relay.state.word == "up")
        lose(stage, 2, 3)
        add(stage.outbox, 2)
        stage.relay.wake()
        await stage.until(lambda: stage.relay.state.word == "stopped")
        assert "up to 3, the outbox ends at 2" in stage.relay.state.detail
    assert stage.log.named("relay.kafka_down")[0]["detail"].startswith("the journal no longer has record 3")


async def test_it_is_noticed_also_where_no_record_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next look at Kafka."""
    monkeypatch.setattr(relay_module, "PROBE_S", 0.01)
    stage = Stage()
    add(stage.outbox, 1, 2)
    async with stage.running():
        await stage.until(lambda: len(stage.kafka.messages) == 2 and stage.relay.state.word == "up")
        lose(stage, 2)
        await stage.until(lambda: stage.relay.state.word == "stopped")
