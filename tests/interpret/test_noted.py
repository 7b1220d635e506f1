"""What is logged and counted of a batch is told after its commit, and only then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.noted import REPEATED, REPEATS_TOLD_MAX, Noted, number_field, tell
from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.errors import StoreFailed
from tests.support import OXPAY_VECTORS, Lines, Way

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()


def counted(metrics: InterpretMetrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return metrics.registry.get_sample_value(name, {"source": "main", **labels})


def test_each_note_is_a_line_and_what_became_of_a_callback_is_counted() -> None:
    """An event with its anomalies, a quarantined callback with its reason, and a line that counts nothing."""
    log, metrics = Lines(), InterpretMetrics()
    noted = [
        Noted("info", "event.recorded", {"callback": 1}, "main", "event", ("late", "amended")),
        Noted("info", "event.repeated", {"callback": 2}, "main", "duplicate"),
        Noted("warning", "callback.quarantined", {"callback": 3, "reason": "schema"}, "main", "quarantine"),
        Noted("info", "callback.redriven", {"callback": 3}, "main"),
        Noted("error", "request.unknown", {"request": 4}),
    ]
    tell(noted, log, metrics)
    assert log.lines == [(note.level, note.event, note.fields) for note in noted]
    outcomes = [counted(metrics, "receiver_interpreted_total", outcome=o) for o in ("event", "duplicate", "quarantine")]
    assert outcomes == [1, 1, 1]
    assert counted(metrics, "receiver_quarantined_total", reason="schema") == 1
    assert [counted(metrics, "receiver_anomalies_total", anomaly=word) for word in ("late", "amended", "conflict")] == [
        1, 1, None,
    ]  # fmt: skip


def test_many_repeats_have_few_lines_and_are_all_counted() -> None:
    """The last line says how many more there were; nothing else is left out."""
    log, metrics = Lines(), InterpretMetrics()
    repeats = [Noted("info", REPEATED, {"callback": at}, "main", "duplicate") for at in range(500)]
    tell([*repeats, Noted("info", "event.recorded", {"callback": 500}, "main", "event")], log, metrics)
    assert [fields for _, _, fields in log.lines] == [
        {"callback": 0}, {"callback": 1}, {"callback": 2}, {"callback": 500}, {"suppressed": 500 - REPEATS_TOLD_MAX},
    ]  # fmt: skip
    assert counted(metrics, "receiver_interpreted_total", outcome="duplicate") == 500


async def test_a_batch_that_the_disk_refuses_tells_nothing_and_its_repetition_tells_all_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a line nor a count says what did not happen."""
    way = Way()
    await way.deliver("0xpay-main", BODY)
    await way.deliver("0xpay-main", b"junk")
    commit = way.outbox.commit

    def full(batch: Any) -> None:
        raise StoreFailed("disk full")

    monkeypatch.setattr(way.outbox, "commit", full)
    with pytest.raises(StoreFailed):
        way.interpreter.step()
    assert (way.log.named("event.recorded"), way.log.named("callback.quarantined")) == ([], [])
    monkeypatch.setattr(way.outbox, "commit", commit)
    way.interpret()
    assert [line["callback"] for line in way.log.named("event.recorded")] == [1]
    assert [line["callback"] for line in way.log.named("callback.quarantined")] == [2]
    labels = {"source": "0xpay-main", "outcome": "event"}
    assert way.metrics.registry.get_sample_value("receiver_interpreted_total", labels) == 1


def test_an_entry_is_named_by_the_store_that_holds_it() -> None:
    """An API's answer is no callback."""
    said = VerifiedCallback("main", 1, (), json.dumps({}).encode())
    assert number_field(JournalEntry(1, said)) == "callback"
    assert number_field(JournalEntry(1, said, "requests", 5)) == "request"
