"""The unit: what systemd itself says of it, and that its sandbox forbids nothing that the service does."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.service import Service, until
from tests.ports import free_port

UNIT = Path(__file__).parents[2] / "deploy/systemd/receiver.service"
EXPOSURE_TENTHS_MAX = 15
"""Of ``systemd-analyze security``, which goes from 0 to 100: 1.5 and better."""


def require(*programs: str) -> None:
    """Skip a test aloud where a program of Debian is absent."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here; Debian has it as a package")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give the unit with the program of this checkout in the place of the installed one."""
    require("systemd-analyze")
    file = tmp_path / UNIT.name
    text = UNIT.read_text("utf-8")
    file.write_text(
        text.replace("/opt/receiver/bin/receiver", str(Path(sys.executable).with_name("receiver"))), "utf-8"
    )
    return file


def test_systemd_finds_nothing_wrong_with_it(unit: Path) -> None:
    """A key that it does not know, a program that is not there, a value that it cannot read."""
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_tried_again_for_ever() -> None:
    """Without the first line systemd gives a unit up after a few starts, over a disk that was full for half a minute.

    The second one would give it up over a secret that was not there yet, which is exit 2; or do nothing, where it is
    ``ExecStartPre`` that says so.
    """
    lines = UNIT.read_text("utf-8").splitlines()
    assert {"StartLimitIntervalSec=0", "Restart=always"} <= set(lines)
    assert not any(line.startswith("RestartPreventExitStatus") for line in lines)


def test_it_is_exposed_as_little_as_can_be(unit: Path) -> None:
    """And one line less would be seen."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_TENTHS_MAX}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    unit.write_text(unit.read_text("utf-8").replace("PrivateUsers=yes\n", "").replace("PrivateDevices=yes\n", ""))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@functools.cache
def calls_in(group: str) -> frozenset[str]:
    """Give the system calls of one of systemd's groups, those of the groups in it among them."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = {line.strip() for line in done.stdout.splitlines()[1:] if not line.strip().startswith("#")}
    return frozenset().union(*(calls_in(name) if name.startswith("@") else {name} for name in names - {""}))


def allowed() -> frozenset[str]:
    """Give the system calls that the unit's filter lets through, read from it line by line as systemd does."""
    calls: frozenset[str] = frozenset()
    for line in UNIT.read_text("utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            of = calls_in(value.removeprefix("~"))
            calls = calls - of if value.startswith("~") else calls | of
    return calls


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """Give a service with all its processes whose system calls are counted, and the file of the counts."""
    require("systemd-analyze", "strace")
    with Service(tmp_path / "service", f"127.0.0.1:{free_port()}") as service:
        counts = tmp_path / "counts"
        counting = ["strace", "-f", "-qq", "-c", "-U", "name", "-o", str(counts)]
        command = [*counting, sys.executable, "-m", "receiver", "serve", "--config", str(service.config)]
        with service.log.open("ab") as log:
            service.process = subprocess.Popen(
                command, env=service.environ, cwd=service.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        yield service, counts


@pytest.mark.service
def test_the_filter_lets_every_call_of_the_service_through(traced: tuple[Service, Path]) -> None:
    """From its start over a callback to its end; with the filter that many units have, ``~@resources``, it fails."""
    service, counts = traced
    service.wait_ready(120)
    assert service.post_swap({"id": "swap-1", "type": "auto_swap", "status": "completed"}) == 200
    until(lambda: (service.readyz() or {})["interpret"].get("interpreted") == 1)
    assert service.process is not None
    supervisor = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()[0]
    subprocess.run(["kill", "-TERM", supervisor], check=True)
    assert service.process.wait(60) == 0
    made = {line.strip() for line in counts.read_text().splitlines()[2:-2]}
    made -= {"fchown"} if os.geteuid() == 0 else set()  # SQLite gives new files to the folder's owner, as root only
    assert {"fsync", "fdatasync"} & made
    assert made <= allowed(), sorted(made - allowed())
    assert {"sched_setattr"} <= made & calls_in("@resources")
