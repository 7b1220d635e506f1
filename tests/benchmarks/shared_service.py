"""The services of a shared journal that are measured: their configuration, their processes, and what both sides use."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.servers import SECRET
from tests.benchmarks.stage import ROOT, cpu_s, wait_for
from tests.chaos.postgres import Postgres
from tests.ports import free_port

SOURCES = tuple(f"main{number}" for number in range(1, 5))
"""Each of an account of its own, so that they can be in slots of their own."""
ACCOUNTS = tuple(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in SOURCES)
LEASE_S = 3
CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Way:
    """A service to measure."""

    engine: str
    """``files``, ``postgres``, or ``replicated``: PostgreSQL whose commits wait for a replica."""
    processes: int = 1
    slots: int = 1

    @property
    def name(self) -> str:
        """As it stands in the table."""
        if self.engine == "files":
            return "files"
        kept = "PostgreSQL and a replica" if self.engine == "replicated" else "PostgreSQL"
        return f"{kept}, {self.processes} intake, {self.slots} slot{'s' if self.slots > 1 else ''}"


@dataclass(slots=True)
class Place:
    """Where one journal is."""

    url: str
    schema: str = "receiver"
    server: Postgres | None = None
    servers: Sequence[Postgres] = field(default_factory=tuple)


class Configuration:
    """One service's."""

    def __init__(self, way: Way, place: Place, folder: Path, bootstrap: str) -> None:
        self.way, self.place, self.folder = way, place, folder
        self.port = free_port()
        # A journal keeps its topics: without their positions it would stop, and ask a person.
        self.prefix = f"s{self.port if place.server is None else place.schema}."
        self.topic = f"{self.prefix}exchange.status.v1"
        self.path = folder / "receiver.toml"
        self._bootstrap = bootstrap
        self.write(self.path, self.port)
        self.environ = {**os.environ, "BENCH_SECRET": SECRET.decode(), "PYTHONPATH": str(ROOT)}

    def write(self, path: Path, port: int) -> None:
        """The same for another service of this journal, on ports of its own."""
        shared = "" if self.way.engine == "files" else f'database_schema = "{self.place.schema}"\nlease_s = {LEASE_S}\n'
        server = f"[server]\nport = {port}\nprocesses = {self.way.processes}\n[admin]\nport = {free_port()}\n"
        journal = f'[journal]\nurl = "{self.place.url}"\n{shared}'
        kafka = f'[kafka]\nbootstrap_servers = ["{self._bootstrap}"]\ntopic_prefix = "{self.prefix}"\n'
        sources = "".join(
            f'[[sources]]\nname = "{name}"\nprovider = "0xpay"\naccount = "{account}"\n'
            f'public_url = "https://merchant.example.com/webhooks/{name}"\nsecrets = ["env:BENCH_SECRET"]\n'
            for name, account in zip(SOURCES, ACCOUNTS, strict=True)
        )
        path.write_text(server + journal + kafka + sources)

    def prepare(self) -> None:
        """Make the journal and the topics."""
        if self.place.server is not None:
            self._command("journal", "init", "--slots", str(self.way.slots))
        self._command("topics", "create")

    def _command(self, *words: str) -> None:
        command = [sys.executable, "-m", "receiver", *words, "--config", str(self.path)]
        subprocess.run(command, env=self.environ, check=True, capture_output=True, cwd=ROOT)

    @contextlib.contextmanager
    def serving(self, role: str = "all", path: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """A service in a group of its own, which is killed at the end if it does not go."""
        command = [sys.executable, "-m", "receiver", "serve", "--config", str(path or self.path)]
        command += [] if role == "all" else ["--role", role]
        with (self.folder / f"log-{role}-{time.time_ns()}").open("wb") as log:
            service = subprocess.Popen(
                command, env=self.environ, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        try:
            if role != "worker":
                wait_for(self.port)
            yield service
        finally:
            service.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.pid, signal.SIGKILL)
            service.wait()


def children(pid: int) -> list[int]:
    """Processes that a process has started and not buried."""
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cpu_of(service: subprocess.Popen[bytes]) -> float:
    """CPU time of a service's processes, s."""
    total = 0.0
    for pid in (service.pid, *children(service.pid)):
        with contextlib.suppress(OSError):
            total += cpu_s(pid)
    return total


def cluster_cpu_s(server: Postgres) -> float:
    """CPU time of a server: of its processes, and of those that have ended, s."""
    pid = int((server.data / "postmaster.pid").read_text().split("\n", 1)[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, fields[11:15])) / CLOCK
    for child in children(pid):
        with contextlib.suppress(OSError):
            total += cpu_s(child)
    return total


def wal_of(place: Place) -> int:
    """Bytes that the server has written to its log so far; 0 where there is none."""
    return 0 if place.server is None else int(place.server.run("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0])
