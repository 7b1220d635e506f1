"""How the tests of this folder start the receiver in odd places, and what every fault of a start must look like.

What changes the file system's view or gives up rights needs root, as a container's build has it: such tests use
namespaces and dropped capabilities, and say so where they cannot run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.chaos import traffic
from tests.chaos.service import Service
from tests.warm_commands import NO_PLACE, WarmCommands, WarmProcess
from tests.warm_places import Place

SWAP = {"id": "swap-1", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}
RECEIVER = (sys.executable, "-m", "receiver")
SCRIPT = Path(sys.executable).with_name("receiver")
ORDINARY = Place(ordinary=True)
"""Root without its rights: what may be used by others may not be used by it."""
LINKS = {
    "RECEIVER_SERVICE_HOST": "10.96.0.17",
    "RECEIVER_SERVICE_PORT": "8080",
    "RECEIVER_SERVICE_PORT_HTTP": "8080",
    "RECEIVER_PORT": "tcp://10.96.0.17:8080",
    "RECEIVER_PORT_8080_TCP": "tcp://10.96.0.17:8080",
    "RECEIVER_PORT_8080_TCP_PROTO": "tcp",
    "RECEIVER_PORT_8080_TCP_PORT": "8080",
    "RECEIVER_PORT_8080_TCP_ADDR": "10.96.0.17",
}


def as_root() -> None:
    """Skip, aloud, what only root can prepare."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for mounts in a namespace of its own or files of another user")


def run(
    service: Service,
    *arguments: str,
    place: Place = NO_PLACE,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """One command; it must end by itself."""
    whole, folder = {**service.environ, **(environ or {})}, cwd or service.folder
    command = [*arguments, "--config", str(service.config)]
    return WarmCommands.like(whole).run(command, whole, folder, 60, errors="replace", place=place)


def serve(service: Service, place: Place, errors: Path | None = None) -> WarmProcess:
    """Start the service in some place; its children are there too. What is on stderr goes to the log or to a file."""
    command = ["serve", "--config", str(service.config)]
    with service.log.open("ab") as log, (errors or service.log).open("ab") as err:
        warm = WarmCommands.like(service.environ)
        service.process = warm.start(
            command, service.environ, service.folder, log, err, children=service.forks, place=place
        )
    return service.process


def sentence(done: subprocess.CompletedProcess[str], *parts: str, code: int = 1) -> None:
    """One sentence on stderr, whatever stdout holds, and the exit code; beside it only what ``check`` advises."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    said = [line for line in done.stderr.splitlines() if not line.startswith(("note: ", "warning: "))]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("receiver: "), done.stderr
    for part in parts:
        assert part in said[0]


def log_of(service: Service) -> list[dict[str, object]]:
    """The lines of the service's log; each is JSON."""
    return [json.loads(line) for line in service.log.read_text().splitlines()]
