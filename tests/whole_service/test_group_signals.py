"""Signals to the whole group, as service managers and terminals send them.

Its processes are forks of a warm one, which have the group, the handlers and the masks that new interpreters have. Only
the tests of what comes before a child has run a line of its own have children that are new interpreters.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.chaos.service import Service, until
from tests.warm_commands import WarmProcess
from tests.warm_places import Place
from tests.whole_service.starting import SWAP, log_of, serve


def start_as_group(service: Service) -> WarmProcess:
    """Start it at the head of a process group of its own."""
    return serve(service, Place(session=True))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_is_a_stop_and_no_crash(whole: Service, number: signal.Signals) -> None:
    """Intake first, the others when they have emptied what it took; once more changes nothing."""
    started = start_as_group(whole)
    whole.wait_ready()
    for swap in range(50):
        assert whole.post_swap({**SWAP, "id": f"swap-{swap}"}) == 200
    os.killpg(started.pid, number)
    os.killpg(started.pid, number)
    assert started.wait(20) == 0
    said = [line for line in log_of(whole) if line["level"] != "info"]
    assert [line for line in said if line["event"] not in {"library.log", "relay.kafka_down"}] == []
    assert len(whole.lines("tail")) == 50


def test_a_hangup_of_the_whole_group_reads_the_secrets_once(whole: Service) -> None:
    """And ends nothing."""
    started = start_as_group(whole)
    whole.wait_ready()
    until(lambda: (whole.readyz() or {})["interpret"]["state"] == "up")
    os.killpg(started.pid, signal.SIGHUP)
    until(lambda: whole.log.read_text().count('"serve.reloaded"') == 3)
    assert whole.post_swap(SWAP) == 200
    assert whole.stop() == 0
    text = whole.log.read_text()
    assert (text.count('"serve.reload"'), text.count('"serve.reloaded"'), text.count("child_died")) == (1, 3, 0)


@pytest.mark.parametrize("after", ["serve.started", "serve.child_started"])
def test_a_group_that_still_starts_is_stopped_without_a_crash(whole: Service, after: str) -> None:
    """Before the children have run a line of their own."""
    whole.forks = False
    started = start_as_group(whole)
    until(lambda: after in whole.log.read_text())
    os.killpg(started.pid, signal.SIGTERM)
    assert started.wait(20) == 0
    assert "child_died" not in whole.log.read_text()
    assert "Traceback" not in whole.log.read_text()
