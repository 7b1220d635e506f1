"""The supervisor's own numbers, and a registry as text."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge

from receiver.service.metrics import render, supervisor_text
from receiver.service.process_figures import Figures


def test_which_children_are_up_and_how_often_they_died() -> None:
    """A line for each role."""
    up, restarts = {"intake": True, "publish": False}, {"intake": 0, "publish": 3}
    figures = {"supervisor": Figures(1.5, 4096, 7, 1024), "intake": Figures(0.5, 8192, 9, None), "publish": None}
    lines = supervisor_text(up, restarts, figures, ready=True, log_lines_lost=7).decode().splitlines()
    assert 'receiver_process_up{role="intake"} 1.0' in lines
    assert 'receiver_process_up{role="publish"} 0.0' in lines
    assert 'receiver_process_restarts_total{role="intake"} 0.0' in lines
    assert 'receiver_process_restarts_total{role="publish"} 3.0' in lines
    assert "receiver_log_lines_lost_total 7.0" in lines
    assert "receiver_ready 1.0" in lines
    assert f'receiver_build_info{{version="{version("exchange-webhook-receiver")}"}} 1.0' in lines
    assert 'receiver_process_cpu_seconds_total{role="supervisor"} 1.5' in lines
    assert 'receiver_process_resident_memory_bytes{role="intake"} 8192.0' in lines
    assert [line for line in lines if "_fds{" in line] == [
        'receiver_process_open_fds{role="supervisor"} 7.0',
        'receiver_process_open_fds{role="intake"} 9.0',
        'receiver_process_max_fds{role="supervisor"} 1024.0',
    ]
    assert not [line for line in lines if "_created" in line or ('role="publish"' in line and "_fds" in line)]


def test_only_what_is_in_the_registry_is_rendered() -> None:
    """None of the library's default metrics, so that texts of several processes can be joined."""
    registry = CollectorRegistry()
    Gauge("receiver_made_up", "What it is", registry=registry).set(7)
    assert render(registry).decode().splitlines() == [
        "# HELP receiver_made_up What it is", "# TYPE receiver_made_up gauge", "receiver_made_up 7.0",
    ]  # fmt: skip
