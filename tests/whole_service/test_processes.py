"""The processes of a running service: signals, deaths, and who outlives whom."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

from tests.chaos import traffic
from tests.chaos.service import Service, until

SWAP = {"id": "swap-1", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}


@pytest.fixture
def service(service: Service) -> Service:
    """Its processes are what they are in production: new interpreters, unless a test has its reason."""
    service.forks = False
    return service


@pytest.fixture
def whole(whole: Service) -> Service:
    """The same with all of them."""
    whole.forks = False
    return whole


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_sighup_reads_the_secrets_again(service: Service, tmp_path: Path) -> None:
    """A rotated file is live without a restart; an empty one is refused and the old secret stays."""
    secret = tmp_path / "secret"
    secret.write_text("old\n")
    text = service.config.read_text().replace("env:CHAOS_ONCHAIN_SECRET", f"file:{secret}")
    service.config.write_text(text)
    service.forks = True  # they have been started when this begins
    service.start()
    service.wait_ready()
    assert service.process is not None
    assert service.post_swap(SWAP, secret="old") == 200
    secret.write_text("new\n")
    assert service.post_swap(SWAP, secret="new") == 401
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.post_swap(SWAP, secret="new") == 200)
    assert service.post_swap(SWAP, secret="old") == 401
    secret.write_text("")
    service.process.send_signal(signal.SIGHUP)
    until(lambda: "serve.reload_refused" in service.log.read_text())
    assert service.post_swap(SWAP, secret="new") == 200
    assert service.stop() == 0


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process does something of its own at a signal, or ignores it."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(lines["SigCgt"], 16) | int(lines["SigIgn"], 16)) >> (number - 1) & 1)


def test_sighup_while_everything_still_starts_kills_nothing_and_is_not_forgotten(whole: Service) -> None:
    """Neither the service nor a child that cannot be told yet, which is told as soon as it can."""
    whole.start()
    process = whole.process
    assert process is not None
    until(lambda: handles(process.pid, signal.SIGHUP))
    process.send_signal(signal.SIGHUP)
    until(lambda: "serve.child_started" in whole.log.read_text())
    process.send_signal(signal.SIGHUP)
    until(lambda: whole.log.read_text().count('"serve.reloaded"') >= 3)  # each is told once, or twice
    whole.wait_ready()
    assert "serve.child_died" not in whole.log.read_text()
    assert whole.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_still_starts_can_be_stopped(service: Service, number: signal.Signals) -> None:
    """Exit 0 without a word, here while it waits for a journal that another holds, which goes on."""
    service.forks = True  # the other one
    service.start()
    service.wait_ready()
    command = [sys.executable, "-m", "receiver", "serve", "--config", str(service.config)]
    second = subprocess.Popen(command, env=service.environ, cwd=service.folder, stdout=subprocess.PIPE)
    with second:
        until(lambda: all(handles(second.pid, own) for own in (signal.SIGTERM, signal.SIGHUP)))
        second.send_signal(number)
        assert second.stdout is not None
        assert (second.wait(20), second.stdout.read()) == (0, b"")
    assert service.post_swap(SWAP) == 200
    assert service.stop() == 0


def test_a_dead_child_is_back_within_five_seconds(whole: Service) -> None:
    """``/readyz`` says so meanwhile; no connection is refused."""
    whole.start()
    whole.wait_ready()
    for role in ("intake", "interpret", "publish"):
        before = whole.child(role)
        assert whole.kill(role)
        until(lambda role=role, before=before: whole.child(role) not in (before, None))  # type: ignore[misc]
        until(lambda role=role: process_up(whole, role))  # type: ignore[misc]
        assert own_seconds(whole, role) < 5
    whole.wait_ready()
    assert whole.post_swap(SWAP) == 200


def own_seconds(service: Service, role: str) -> float:
    """From a child's death to its next start, and what it has used of a processor since: a busy machine adds nothing.

    The former is by the times of the log's lines.
    """
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    said = {line["event"]: datetime.fromisoformat(line["timestamp"]) for line in lines if line.get("role") == role}
    pause = said["serve.child_started"] - said["serve.child_died"]
    used = Path(f"/proc/{service.child(role)}/stat").read_text().rpartition(")")[2].split()[11:13]
    return pause.total_seconds() + sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def process_up(service: Service, role: str) -> bool:
    """Whether a process has reported to the supervisor."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{service.admin}/metrics") as answer:
        return f'receiver_process_up{{role="{role}"}} 1.0' in answer.read().decode()
    return False


def test_the_children_of_a_killed_supervisor_end(whole: Service) -> None:
    """Also one that is stopped; then the journal is free for the next service."""
    whole.start()
    whole.wait_ready()
    until(lambda: all(process_up(whole, role) for role in ("interpret", "publish")))  # and so tied to it
    children = [whole.child(role) for role in ("intake", "interpret", "publish")]
    assert None not in children
    whole.kill("interpret", signal.SIGSTOP)
    whole.kill("supervisor")
    until(lambda: not any(alive(pid) for pid in children if pid))
    whole.forks = True  # all is said of how they end
    whole.start()
    whole.wait_ready()
    assert whole.post_swap(SWAP) == 200


@pytest.mark.long
def test_twenty_deaths_within_a_minute_end_the_service(service: Service) -> None:
    """Loudly, exit 1; the journal is intact."""
    service.start()
    service.wait_ready()
    assert service.process is not None
    deadline = time.monotonic() + 240  # on a busy machine some minutes may have fewer
    while service.process.poll() is None and time.monotonic() < deadline:
        service.kill("interpret")
        time.sleep(0.02)
    assert service.process.poll() == 1
    assert "serve.gave_up" in service.log.read_text()
