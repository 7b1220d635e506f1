"""What the system counts of a process is what Prometheus' own client reads of it, and nothing where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from receiver.service.process_figures import figures


def test_they_are_those_of_the_kept_client() -> None:
    """Of a process that stands still, with files open beyond the usual three; its name is made to mislead."""
    program = """
import sys
open("/proc/self/comm", "w").write(") 1 2 3 ((")
one, another = open("/dev/null"), open("/dev/null")
print(flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert Path(f"/proc/{process.pid}/comm").read_text() == ") 1 2 3 ((\n"
        registry = CollectorRegistry()
        ProcessCollector(namespace="their", pid=lambda: process.pid, registry=registry)
        ours = figures(process.pid)
        assert ours is not None
        assert ours.cpu_s == registry.get_sample_value("their_process_cpu_seconds_total")
        assert ours.resident_bytes == registry.get_sample_value("their_process_resident_memory_bytes")
        assert ours.open_fds == registry.get_sample_value("their_process_open_fds") == 5
        assert ours.max_fds == registry.get_sample_value("their_process_max_fds")
        process.stdin.close()  # type: ignore[union-attr]


def test_a_process_that_has_gone_has_none() -> None:
    """Between two looks it may die."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert figures(gone.pid) is None


def test_no_limit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no number that one could come near to."""
    read = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda self: (
            read(self) if self.name != "limits" else "Max open files            unlimited    unlimited    files"
        ),
    )
    ours = figures(os.getpid())
    assert ours is not None
    assert ours.max_fds is None
