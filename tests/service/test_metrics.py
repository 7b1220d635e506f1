"""The supervisor's own numbers, and a registry as text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from receiver.service.metrics import render, supervisor_text


def test_which_children_are_up_and_how_often_they_died() -> None:
    """A line for each role."""
    up, restarts = {"intake": True, "publish": False}, {"intake": 0, "publish": 3}
    lines = supervisor_text(up, restarts, log_lines_lost=7).decode().splitlines()
    assert 'receiver_process_up{role="intake"} 1.0' in lines
    assert 'receiver_process_up{role="publish"} 0.0' in lines
    assert 'receiver_process_restarts_total{role="intake"} 0.0' in lines
    assert 'receiver_process_restarts_total{role="publish"} 3.0' in lines
    assert "receiver_log_lines_lost_total 7.0" in lines


def test_only_what_is_in_the_registry_is_rendered() -> None:
    """None of the library's default metrics, so that texts of several processes can be joined."""
    registry = CollectorRegistry()
    Gauge("receiver_made_up", "What it is", registry=registry).set(7)
    assert render(registry).decode().splitlines() == [
        "# HELP receiver_made_up What it is", "# TYPE receiver_made_up gauge", "receiver_made_up 7.0",
    ]  # fmt: skip
