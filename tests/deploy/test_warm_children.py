"""Children of a service as forks: alike, to the system, to those with an interpreter of their own."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm_children
from tests.chaos.service import Service, until
from tests.ports import free_port

pytestmark = pytest.mark.service

HALF_WAY = """
import asyncio
from tests import warm_children

async def main():
    none = await asyncio.create_subprocess_exec("no child", stdin=asyncio.subprocess.DEVNULL, pass_fds=[], env={})
    print(await none.wait())

warm_children.begin()
asyncio.run(main())
"""
"""A supervisor whose child dies on the way to what it was asked to be."""
ROLES = ("intake", "interpret", "publish")
KEPT = re.compile(
    r"journal/(?!.*-(wal|shm)$)[\w.]+|memfd:[\w-]+|socket|pipe|anon_inode:\[\w+\]|/dev/null|receiver\.log"
)
"""What a descriptor is, without its number; when SQLite opens more files of its own is a matter of moments."""


def running(folder: Path, *, forks: bool) -> Service:
    """A service whose three children have all reported; its Kafka is not there."""
    made = Service(folder, f"127.0.0.1:{free_port()}", forks=forks)
    made.start()
    made.wait_ready()
    until(lambda: (made.readyz() or {})["interpret"]["state"] == "up")
    until(lambda: (made.readyz() or {})["kafka"]["state"] == "down")
    return made


def seen(service: Service, role: str) -> dict[str, object]:
    """What the system says of a child and does not change from start to start."""
    assert service.process is not None
    place = Path(f"/proc/{service.child(role)}")
    status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
    command = [word for word in (place / "cmdline").read_text().split("\0") if word]
    descriptors = {}
    for entry in (place / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # one that has just been closed
            descriptors[entry.name] = str(entry.readlink())
    descriptors = {name: found[0] for name, leads in descriptors.items() if (found := KEPT.search(leads))}
    named = {int(number) for number in re.findall(r"\d+", command[-1])}
    return {
        "command": [*command[:-1], re.sub(r"\d+", "N", command[-1])],
        "parent": int(status["PPid"]) == service.process.pid,
        "signals": [status[name] for name in ("SigIgn", "SigBlk", "SigCgt")],
        "limits": (place / "limits").read_text(),
        "named": sorted(descriptors[str(number)] for number in named),
        "kinds": set(descriptors.values()),
        "folder": (place / "cwd").readlink() == service.folder,
        "nice": (place / "stat").read_text().rpartition(")")[2].split()[16],
    }


def test_a_child_is_given_what_one_with_its_own_interpreter_is(tmp_path: Path) -> None:
    """Command line, descriptors, limits, signals, parent: neither has anything that the other has not."""
    with running(tmp_path / "cold", forks=False) as cold, running(tmp_path / "warm", forks=True) as warm:
        for role in ROLES:
            with contextlib.suppress(AssertionError):  # a moment later than it has reported for the first time
                until(lambda role=role: seen(warm, role) == seen(cold, role), 20)  # type: ignore[misc]
            assert seen(warm, role) == seen(cold, role)
        assert warm.post_swap({"id": "swap-1", "status": "PROCESSED"}) == 200
        assert (warm.stop(), cold.stop()) == (0, 0)


def test_a_death_is_told_and_the_next_one_is_like_it(tmp_path: Path) -> None:
    """By its signal, as of any child; what replaces it is alike."""
    with running(tmp_path / "warm", forks=True) as warm:
        before, pid = seen(warm, "intake"), warm.child("intake")
        assert warm.kill("intake", signal.SIGKILL)
        until(lambda: warm.child("intake") not in {pid, None})
        warm.wait_ready()
        until(lambda: seen(warm, "intake") == before)
        assert '"role":"intake","signal":"SIGKILL"' in warm.log.read_text()
        assert warm.stop() == 0


def test_nothing_outlives_the_supervisor(tmp_path: Path) -> None:
    """Neither a child nor who forks them, also where it had no time to end them."""
    with running(tmp_path / "warm", forks=True) as warm:
        assert warm.process is not None
        pids = Path(f"/proc/{warm.process.pid}/task/{warm.process.pid}/children").read_text().split()
        assert len(pids) == len(ROLES) + 1
        warm.kill("supervisor")
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_supervisor_that_is_killed_while_it_starts_leaves_its_journal_to_the_next(tmp_path: Path) -> None:
    """A child that was on its way to it ends, and with it what it was given of the journal's lock."""
    with Service(tmp_path / "warm", f"127.0.0.1:{free_port()}", forks=True) as warm:
        for number in range(1, 6):
            warm.start()
            until(lambda number=number: warm.log.read_text().count('"serve.started"') == number)  # type: ignore[misc]
            assert warm.kill("supervisor")
        warm.start()
        warm.wait_ready()
        assert warm.stop() == 0


def test_a_child_that_dies_on_its_way_is_told_at_once() -> None:
    """Its supervisor waits for it with everything that it does: nobody would be taken in meanwhile."""
    at_once_s = warm_children.ADOPTION_S / 2
    done = subprocess.run(
        [sys.executable, "-c", HALF_WAY], capture_output=True, text=True, timeout=at_once_s, check=False
    )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
    assert "AssertionError: ['no child']" in done.stderr
