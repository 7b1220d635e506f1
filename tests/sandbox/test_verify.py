"""What a simulation sent is held against what a receiver made of it."""

from __future__ import annotations

import asyncio

import pytest

from receiver.operate.context import Context
from receiver.sandbox import verify as module
from receiver.sandbox.fakes import FakeKafka
from receiver.sandbox.simulator import Report
from receiver.sandbox.verify import verify
from tests.operate.desk import context_of, exchange, published
from tests.support import Way


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> Context:
    """An exchange with two statuses, on a journal and on Kafka, but for the last one there; no wait for more."""
    monkeypatch.setattr(module, "WAIT_S", 0.0)
    monkeypatch.setattr(module, "POLL_S", 0.001)
    way, cluster = Way(), FakeKafka()

    async def fill() -> None:
        await way.events("0xpay-main", [exchange("one", status="Pending"), exchange("mine")])
        await published(way, cluster)
        await way.events("0xpay-main", [exchange("one")])

    asyncio.run(fill())
    return context_of(way, cluster)


def report(**events: set[str]) -> Report:
    """What was answered 200."""
    made = Report()
    made.events.update(events)
    return made


def test_what_is_held_is_not_wrong(filled: Context) -> None:
    """Other operations of the source are nobody's business."""
    assert verify(filled, report(one={"Pending", "Done"}), "0xpay-main", "journal") == []


def test_what_is_lost_or_was_never_sent_is_named(filled: Context) -> None:
    """Where it is looked for: on Kafka the last event is not there yet."""
    assert verify(filled, report(one={"Pending", "Done"}), "0xpay-main", "kafka") == ["one Done: lost"]
    assert verify(filled, report(one={"Done"}), "0xpay-main", "journal") == ["one Pending: never sent"]
    assert verify(filled, report(one={"Done"}), "swaps", "journal") == ["one Done: lost"]


def test_what_comes_a_little_later_is_waited_for(filled: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver interprets and publishes after its 200."""
    monkeypatch.setattr(module, "WAIT_S", 10.0)
    sent, naps = report(late={"Done"}), list[float]()

    def nap(seconds: float) -> None:
        naps.append(seconds)
        sent.events.clear()

    monkeypatch.setattr("receiver.sandbox.verify.time.sleep", nap)
    assert verify(filled, sent, "0xpay-main", "journal") == []
    assert len(naps) == 1
