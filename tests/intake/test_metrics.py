"""The intake process's numbers, as they are read."""

from __future__ import annotations

from receiver.intake.metrics import IntakeMetrics
from receiver.intake.notices import HTTP_ERRORS, REFUSED, STATES


def test_every_reason_and_state_is_there_before_it_first_happens() -> None:
    """At zero, so that an alarm on a rise sees the first one."""
    registry = IntakeMetrics().registry
    for why in REFUSED:
        assert registry.get_sample_value("receiver_connections_refused_total", {"why": why}) == 0
    for why in HTTP_ERRORS:
        assert registry.get_sample_value("receiver_http_errors_total", {"why": why}) == 0
    for state in STATES:
        assert registry.get_sample_value("receiver_connections", {"state": state}) == 0


def test_connections_are_shown_as_they_were_noted_last() -> None:
    """A gauge: what was before is gone."""
    metrics = IntakeMetrics()
    metrics.connections({"idle": 3, "answering": 1})
    metrics.connections({"idle": 2, "answering": 0})
    assert metrics.registry.get_sample_value("receiver_connections", {"state": "idle"}) == 2
    assert metrics.registry.get_sample_value("receiver_connections", {"state": "answering"}) == 0


def test_answers_and_commits_are_counted_by_source() -> None:
    """And the time of a commit falls into its bucket."""
    metrics = IntakeMetrics()
    metrics.answered("a", 200)
    metrics.answered("a", 401)
    metrics.committed("a", 0.002, 1_700_000_000_000_000)
    value = metrics.registry.get_sample_value
    assert value("receiver_callbacks_total", {"source": "a", "answer": "200"}) == 1
    assert value("receiver_callbacks_total", {"source": "a", "answer": "401"}) == 1
    assert value("receiver_inbox_commit_seconds_bucket", {"le": "0.001"}) == 0
    assert value("receiver_inbox_commit_seconds_bucket", {"le": "0.0025"}) == 1
    assert value("receiver_source_last_callback_timestamp_seconds", {"source": "a"}) == 1_700_000_000
