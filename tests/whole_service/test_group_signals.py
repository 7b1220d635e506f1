"""Signals to the whole group, as service managers and terminals send them."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.chaos.service import Service, until
from tests.whole_service.starting import (
    RECEIVER,
    SWAP,
    log_of,
)


def start_as_group(service: Service) -> int:
    """Start it at the head of a process group of its own; its number."""
    with service.log.open("ab") as log:
        command = [*RECEIVER, "serve", "--config", str(service.config)]
        service.process = subprocess.Popen(
            command, env=service.environ, cwd=service.folder, stdout=log, stderr=log, start_new_session=True
        )
    return service.process.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_is_a_stop_and_no_crash(whole: Service, number: signal.Signals) -> None:
    """Intake first, the others when they have emptied what it took; once more changes nothing."""
    group = start_as_group(whole)
    whole.wait_ready()
    for swap in range(50):
        assert whole.post_swap({**SWAP, "id": f"swap-{swap}"}) == 200
    os.killpg(group, number)
    os.killpg(group, number)
    assert whole.process is not None
    assert whole.process.wait(20) == 0
    said = [line for line in log_of(whole) if line["level"] != "info"]
    assert [line for line in said if line["event"] not in {"library.log", "relay.kafka_down"}] == []
    assert len(whole.lines("tail")) == 50


def test_a_hangup_of_the_whole_group_reads_the_secrets_once(whole: Service) -> None:
    """And ends nothing."""
    group = start_as_group(whole)
    whole.wait_ready()
    until(lambda: (whole.readyz() or {})["interpret"]["state"] == "up")
    os.killpg(group, signal.SIGHUP)
    until(lambda: whole.log.read_text().count('"serve.reloaded"') == 3)
    assert whole.post_swap(SWAP) == 200
    assert whole.stop() == 0
    text = whole.log.read_text()
    assert (text.count('"serve.reload"'), text.count('"serve.reloaded"'), text.count("child_died")) == (1, 3, 0)


@pytest.mark.parametrize("after", ["serve.started", "serve.child_started"])
def test_a_group_that_still_starts_is_stopped_without_a_crash(whole: Service, after: str) -> None:
    """Before the children have run a line of their own."""
    group = start_as_group(whole)
    until(lambda: after in whole.log.read_text())
    os.killpg(group, signal.SIGTERM)
    assert whole.process is not None
    assert whole.process.wait(20) == 0
    assert "child_died" not in whole.log.read_text()
    assert "Traceback" not in whole.log.read_text()
