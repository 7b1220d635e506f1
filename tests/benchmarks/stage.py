"""The stage: a broker, a compiled load, and servers that are started anew for each measurement.

Everything is on this machine, on loopback. Callbacks are signed anew for each measurement, since 0xpay's go stale.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.benchmarks import bento
from tests.benchmarks.arrivals import Arrivals, committed_since, ends
from tests.benchmarks.disk import Fsyncs
from tests.benchmarks.servers import SECRET, SIGNED_URL
from tests.ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCOUNT = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
CONNECTIONS = 64
PARTITIONS = 6
ROLES = ("intake", "interpret", "publish", "traces")
SETTLE_S_MAX = 3600
TRACED = {"ours, traced": 0.01, "ours, all traced": 1.0}
"""Server → the part of its callbacks that a collector is told of: as many as by default, and each."""
STALE_S = 0.7
"""What ``/readyz`` says may be half a second old."""
CONFIGURATION = """
[server]
port = {port}
[admin]
port = {admin}
[journal]
url = "sqlite:{folder}/journal"
retention_days = {retention_days}
[kafka]
bootstrap_servers = ["{bootstrap}"]
topic_prefix = "{prefix}"
[[sources]]
name = "main"
provider = "0xpay"
account = "{account}"
public_url = "https://{url}"
secrets = ["env:BENCH_SECRET"]
"""


@dataclass(slots=True)
class Measured:
    """One server, one measurement."""

    load: dict[str, Any]
    """What the load saw: answers a second, latencies from the time a request was due, failures."""
    cpu_us: float
    """Of its processes, per callback."""
    web_cpu_us: float | None = None
    rss_mb: dict[str, float] = field(default_factory=dict)
    """Memory by process, MB."""
    settled_per_s: float | None = None
    """Callbacks a second until the last one was on Kafka."""
    lost: int = 0
    twice: int = 0
    fsync_ms: float | None = None
    """The median of those that were made meanwhile, beside a load of a given rate."""
    arrival_ms: list[float] = field(default_factory=list)
    """From the receipt of a callback to a ``read_committed`` consumer, each."""


@dataclass(slots=True)
class Running:
    """A server that takes callbacks."""

    port: int
    pids: Callable[[], dict[str, int]]
    """Role → process."""
    settle: Callable[[], None]
    """Wait until all is on Kafka."""
    topic: str | None = None


def requests_file(path: Path, count: int, sources: Sequence[tuple[str, str]] = ()) -> None:
    """Write distinct callbacks, signed as of now; ``sources`` are names with their accounts, in turn."""
    sources = sources or (("main", ACCOUNT),)
    now = str(int(time.time()))
    fixed = {
        "status": "Done",
        "time": 1716800123456,
        "fee": "0.25",
        "targetTicker": "ETH",
        "targetAmount": "0.05",
        "spendTicker": "USDT",
        "spendAmount": "100.25",
        "price": "2000",
        "pricePair": ["ETH", "USDT"],
    }
    with path.open("wb") as file:
        for number in range(count):
            name, account = sources[number % len(sources)]
            url = SIGNED_URL[: -len("main")] + name.encode()
            said = {
                "merchantId": account,
                "kind": "Exchange",
                "id": str(uuid.uuid4()),
                "meta": f"order-{number}",
                "localId": f"swap-{number}",
            }
            body = json.dumps(said | fixed, separators=(",", ":")).encode()
            signature = hmac.new(SECRET, b"POST" + url + body + now.encode(), hashlib.sha256).hexdigest()
            head = (
                f"POST /webhooks/{name} HTTP/1.1\r\nhost: merchant.example.com\r\nsignature: {signature}\r\n"
                f"timestamp: {now}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            whole = head.encode() + body
            file.write(struct.pack(">I", len(whole)) + whole)


class Stage:
    """One run: a folder, a broker, a compiled load."""

    def __init__(self, folder: Path, bootstrap: str, bento_command: Path | None) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.bento = bento_command
        self.collector = ""
        """Where a collector listens, for those that are traced."""
        self._load = self.compiled("load")

    def compiled(self, name: str, *options: str) -> Path:
        """One of the C files beside this one."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("bench: a C compiler is needed for the load, and neither cc nor gcc was found")
        target = self.folder / name
        subprocess.run([compiler, "-O2", *options, "-o", str(target), str(HERE / f"{name}.c")], check=True)
        return target

    def load(self, port: int, path: Path, count: int, rate: float, *, new: bool) -> dict[str, Any]:
        """Send the callbacks of a file."""
        command = [str(self._load), str(port), str(path), str(count), str(rate), str(CONNECTIONS), str(int(new))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        return dict(json.loads(done.stdout))

    def measure(
        self, name: str, count: int, rate: float = 0, *, new: bool = False, watched: bool = False, **how: Any
    ) -> Measured:
        """Start a server, warm it up, load it, wait for Kafka, stop it, count what is there.

        ``watched``: beside a consumer that notes when each event arrives. It takes its share of the machine, so nothing
        that is compared with another server is measured beside it.
        """
        path = self.folder / "requests"
        with self.serving(name, **how) as server:
            requests_file(path, min(2000, count))
            self.load(server.port, path, min(2000, count), 0, new=False)
            server.settle()
            requests_file(path, count)
            since = ends(self.bootstrap, server.topic) if server.topic else []
            before = {role: cpu_s(pid) for role, pid in server.pids().items()}
            arrivals = Arrivals(self.bootstrap, server.topic) if watched and server.topic else None
            started = time.time()
            fsyncs = Fsyncs()
            with fsyncs.beside(self.folder) if rate else contextlib.nullcontext():
                found = self.load(server.port, path, count, rate, new=new)
            server.settle()
            pids = server.pids()
            used = {role: cpu_s(pid) - before.get(role, 0.0) for role, pid in pids.items()}
            measured = Measured(found, sum(used.values()) * 1e6 / count, rss_mb={r: rss_mb(p) for r, p in pids.items()})
            measured.fsync_ms = fsyncs.p50_ms if rate else None
            if "intake" in used:
                measured.web_cpu_us = used["intake"] * 1e6 / count
            if arrivals is not None:
                measured.arrival_ms = arrivals.stop(found["ok"])
        if server.topic is not None and "stopped" not in name:
            keys, last_ms = committed_since(self.bootstrap, since)
            measured.twice = len(keys) - len(set(keys))
            measured.lost = max(0, found["ok"] - len(set(keys)))
            measured.settled_per_s = count / max(0.001, last_ms / 1000 - started)
        return measured

    def serving(self, name: str, **how: Any) -> contextlib.AbstractContextManager[Running]:
        """A server by its name."""
        if name.startswith("ours"):
            return self._ours(name, **how)
        if name.startswith("bento"):
            return self._bento(fsynced="fsynced" in name)
        return self._plain(name)

    @contextlib.contextmanager
    def _plain(self, name: str) -> Iterator[Running]:
        port = free_port()
        topic = f"plain-{port}" if name == "straightforward" else None
        environ = {**os.environ, "BENCH_BOOTSTRAP": self.bootstrap, "BENCH_TOPIC": topic or ""}
        if topic is not None:
            self.make_topic(topic)
        command = [sys.executable, "-m", "uvicorn", f"tests.benchmarks.servers:{name}", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning"]
        log = self.folder / f"log-{port}"
        with log.open("wb") as out, subprocess.Popen(command, env=environ, cwd=ROOT, stdout=out) as server:
            try:
                wait_for(port)
                yield Running(port, lambda: {"server": server.pid}, lambda: None, topic)
            finally:
                server.send_signal(signal.SIGINT)

    @contextlib.contextmanager
    def _bento(self, *, fsynced: bool) -> Iterator[Running]:
        assert self.bento is not None
        port = free_port()
        topic = f"bento-{port}"
        self.make_topic(topic, {"flush.messages": "1"} if fsynced else {})
        config = self.folder / f"bento-{port}.yaml"
        config.write_text(bento.configuration(port, self.bootstrap, topic))
        environ = {**os.environ, "BENCH_SECRET": SECRET.decode()}
        with subprocess.Popen([str(self.bento), "-c", str(config)], env=environ, stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(port)
                yield Running(port, lambda: {"server": server.pid}, lambda: None, topic)
            finally:
                server.terminate()

    @contextlib.contextmanager
    def _ours(
        self, name: str, *, journal: Path | None = None, preload: Path | None = None, purging: bool | None = None
    ) -> Iterator[Running]:
        # purging: whether retention works all the time, or never; None: as usual, ten minutes after the start.
        port, admin = free_port(), free_port()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if journal is not None:
            journal.rename(folder / "journal")
        # Kafka remembers a journal by its positions topic: one that is used again must find that again.
        prefix = f"b{port}." if journal is None else f"{journal.name}."
        config = folder / "receiver.toml"
        values: dict[str, Any] = {
            "port": port,
            "admin": admin,
            "folder": folder,
            "bootstrap": self.bootstrap,
            "prefix": prefix,
        }
        values |= {"account": ACCOUNT, "url": SIGNED_URL.decode(), "retention_days": 0 if purging is False else 400}
        traces = f'[traces]\nendpoint = "{self.collector}"\nsample_ratio = {TRACED[name]}\n' if name in TRACED else ""
        config.write_text(traces + CONFIGURATION.format(**values))
        paths = [str(ROOT)]
        if purging:
            program = "from receiver.journal import retention\nretention.ROUND_S = 0.1\n"
            (folder / "sitecustomize.py").write_text(program)
            paths.insert(0, str(folder))
        environ = {**os.environ, "BENCH_SECRET": SECRET.decode(), "PYTHONPATH": os.pathsep.join(paths)}
        receiver = [sys.executable, "-m", "receiver"]
        make = [*receiver, "topics", "create", "--config", str(config)]
        subprocess.run(make, env=environ, check=True, capture_output=True)
        environ |= {"LD_PRELOAD": str(preload)} if preload is not None else {}
        serve = [*receiver, "serve", "--config", str(config)]
        with (folder / "log").open("wb") as log, subprocess.Popen(serve, env=environ, stdout=log) as server:
            try:
                wait_for(port)
                settle = lambda: self._settled(admin, server.pid, name)  # noqa: E731  one line
                yield Running(port, lambda: roles(server.pid), settle, f"{prefix}exchange.status.v1")
            finally:
                for pid in roles(server.pid).values():
                    os.kill(pid, signal.SIGCONT)
                server.terminate()
                server.wait()
                if journal is not None:
                    (folder / "journal").rename(journal)
                shutil.rmtree(folder)

    def _settled(self, admin: int, supervisor: int, name: str) -> None:
        relay = roles(supervisor).get("interpret")
        if "stopped" in name and relay is not None and is_stopped(relay):
            return  # nothing settles now
        time.sleep(STALE_S)
        deadline = time.monotonic() + SETTLE_S_MAX
        while time.monotonic() < deadline:
            said = readyz(admin)
            if said is not None and said["kafka"]["state"] == "up":
                if "stopped" in name:
                    os.kill(roles(supervisor)["interpret"], signal.SIGSTOP)
                    return
                if not said["kafka"]["backlog"] and not said["interpret"]["uninterpreted"]:
                    return
            time.sleep(0.02)
        raise SystemExit("bench: the backlog did not drain")

    def make_topic(self, topic: str, config: dict[str, str] | None = None) -> None:
        """A topic as ours are."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config or {})])[topic].result()


def readyz(admin: int) -> dict[str, Any] | None:
    """The body of ``/readyz``, None where nothing answers yet."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz") as answer:
        return dict(json.load(answer))
    return None


def roles(supervisor: int) -> dict[str, int]:
    """The service's processes."""
    found = {}
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        found.update({role: int(pid) for role in ROLES if role.encode() in arguments})
    return found


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stolen() -> tuple[int, int]:
    """(what the host has kept of the processors' time while something wanted it, what was used and that), ticks."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    return steal, user + nice + system + irq + softirq + steal


def is_stopped(pid: int) -> bool:
    """Whether a signal stopped a process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def rss_mb(pid: int) -> float:
    """Memory of a process, MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(port: int) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"bench: nothing listens on {port}")
