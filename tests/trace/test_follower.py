"""Following the outbox: each record is told of once, and what cannot be told is lost, bounded and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from receiver.journal.memory.journal import MemoryJournal
from receiver.model.records import OutboxBatch, OutboxRecord, Position
from receiver.sandbox.fakes import FakeClock
from receiver.trace import follower as module
from receiver.trace.follower import AWAY_S, TraceFollower
from receiver.trace.metrics import TraceMetrics
from receiver.trace.spans import Span
from tests.support import Lines
from tests.trace.collector import RECEIVED_US, record


@dataclass
class Collector:
    """``ports.Collector``: keeps what it is sent, unless it is away."""

    why: str | None = None
    asked: int = 0
    spans: list[Span] = field(default_factory=list)

    def send(self, spans: Sequence[Span]) -> str | None:
        self.asked += 1
        if self.why is None:
            self.spans += spans
        return self.why

    def close(self) -> None:
        pass

    def told(self) -> list[tuple[str, object]]:
        """Name and record of each."""
        return [(span.name, span.attributes["receiver.record"]) for span in self.spans]


class Desk:
    """A follower on a journal in memory."""

    def __init__(self, *, ratio: float = 1.0, publishes: bool = True, before: int = 0) -> None:
        self.outbox = MemoryJournal().outbox()
        self.add(before)
        self.clock, self.log, self.metrics, self.collector = (
            FakeClock(RECEIVED_US + 1000),
            Lines(),
            TraceMetrics(),
            Collector(),
        )
        self.follower = TraceFollower(
            outbox=self.outbox,
            collector=self.collector,
            ratio=ratio,
            publishes=publishes,
            clock=self.clock,
            log=self.log,
            metrics=self.metrics,
        )

    def add(self, count: int, **changes: Any) -> list[OutboxRecord]:
        """Commit more records."""
        last = self.outbox.last_number()
        records = [record(last + number, **changes) for number in range(1, count + 1)]
        if records:
            self.outbox.commit(OutboxBatch(records=records))
        return records

    def to_kafka(self, number: int) -> None:
        """Note that all up to this one is published."""
        self.outbox.remember("cluster", Position(number, f"id-{number}"))

    def count(self, name: str) -> float:
        """A metric."""
        return self.metrics.registry.get_sample_value(f"receiver_trace_{name}_total") or 0.0


def test_each_record_is_told_of_once_and_its_publishing_when_it_is_known() -> None:
    """What was there before the start is not."""
    desk = Desk(before=3)
    assert not desk.follower.step()
    assert desk.collector.asked == 0
    desk.add(2)
    desk.follower.step()
    assert desk.collector.told() == [("receive", 4), ("interpret", 4), ("receive", 5), ("interpret", 5)]
    desk.collector.spans.clear()
    seen_us = desk.clock.us
    desk.clock.advance(1)
    desk.to_kafka(4)
    desk.follower.step()
    assert desk.collector.told() == [("publish", 4)]
    assert (desk.collector.spans[0].start_us, desk.collector.spans[0].end_us) == (seen_us, desk.clock.us)
    desk.to_kafka(5)
    desk.follower.step()
    desk.follower.step()
    assert desk.collector.told() == [("publish", 4), ("publish", 5)]
    assert (desk.count("spans_sent"), desk.count("spans_lost")) == (6, 0)


def test_without_kafka_nothing_waits_for_it() -> None:
    """Nor does what Kafka refused in any form, or what was imported as published already."""
    desk = Desk(publishes=False)
    desk.add(1)
    desk.follower.step()
    desk.to_kafka(1)
    desk.follower.step()
    assert desk.collector.told() == [("receive", 1), ("interpret", 1)]
    never: list[dict[str, Any]] = [{"record_type": "withheld"}, {"publish": False}]
    for changes in never:
        desk = Desk()
        desk.add(1, **changes)
        desk.follower.step()
        desk.to_kafka(1)
        desk.follower.step()
        assert desk.collector.told() == [("receive", 1), ("interpret", 1)]


def test_what_is_not_sampled_is_read_over() -> None:
    """And asks nobody."""
    desk = Desk(ratio=0.0)
    desk.add(5)
    desk.follower.step()
    assert desk.collector.asked == 0


def test_a_collector_that_is_away_costs_spans_and_is_said_once() -> None:
    """It is tried again after a pause that grows; meanwhile all goes on, and nothing is kept for it."""
    desk = Desk(publishes=False)
    desk.collector.why = "nobody listens"
    tried = 0
    for _ in range(300):
        desk.add(1)
        desk.follower.step()
        assert desk.collector.asked - tried <= 1
        tried = desk.collector.asked
        desk.clock.advance(1)
    assert desk.follower.away
    assert 300 / AWAY_S[1] <= tried <= 12
    assert desk.count("spans_lost") == 600
    assert desk.log.named("traces.collector_away") == [{"why": "nobody listens"}]
    desk.collector.why = None
    desk.clock.advance(AWAY_S[1])
    desk.add(1)
    desk.follower.step()
    assert desk.collector.told() == [("receive", 301), ("interpret", 301)]
    assert len(desk.log.named("traces.collector_back")) == 1
    desk.collector.why = "gone again"
    desk.add(1)
    desk.follower.step()
    assert len(desk.log.named("traces.collector_away")) == 2


def test_what_waits_for_kafka_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are lost, and counted; bodies are not held."""
    monkeypatch.setattr(module, "WAITING_MAX", 3)
    desk = Desk()
    desk.add(5, value=b"x" * 1000)
    desk.follower.step()
    assert desk.count("spans_lost") == 2
    assert {one.value for one, _ in desk.follower._waiting} == {b""}
    desk.collector.spans.clear()
    desk.to_kafka(5)
    desk.follower.step()
    assert desk.collector.told() == [("publish", number) for number in (3, 4, 5)]


def test_who_is_far_behind_passes_over_what_is_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times were wrong; how many records is counted."""
    monkeypatch.setattr(module, "BEHIND_MAX", 10)
    desk = Desk(publishes=False)
    desk.add(11)
    desk.follower.step()
    assert desk.count("records_skipped") == 11
    assert desk.collector.asked == 0
    desk.add(1)
    desk.follower.step()
    assert desk.collector.told() == [("receive", 12), ("interpret", 12)]


def test_a_backlog_is_told_of_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is of all that there is."""
    monkeypatch.setattr(module, "STEP", 4)
    desk = Desk()
    desk.add(11)
    assert desk.follower.step()
    assert len(desk.collector.spans) == 8
    while desk.follower.step():
        pass
    desk.follower.step()
    assert len(desk.collector.spans) == 22
    desk.to_kafka(11)
    before = len(desk.collector.spans)
    desk.follower.step()
    assert len(desk.collector.spans) - before == 4


def test_an_outbox_that_a_person_mended_is_followed_from_its_new_end() -> None:
    """What waited is forgotten: its numbers are other records' by now."""
    desk = Desk()
    desk.add(3)
    desk.follower.step()
    desk.outbox.records[:] = desk.outbox.records[:1]
    desk.outbox.last = 1
    desk.follower.step()
    desk.collector.spans.clear()
    desk.add(1, record_id="another")
    desk.follower.step()
    assert desk.collector.told() == [("receive", 2), ("interpret", 2)]
