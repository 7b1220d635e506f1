"""``make bench-quick``: ours beside a bare server, a Starlette route and the usual endpoint, alternating, as ratios.

Everything runs on this machine, on loopback, with one broker. Each round signs anew and starts each server anew; a
ratio is taken within its round, and the table gives medians with their spread. Machines that are shared differ by a
third from run to run, so a figure without its pair says little.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "deploy" / "kafka-local"))

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # noqa: E402
from kafka_local import free_port, missing, running  # noqa: E402

from tests.benchmarks.servers import SECRET, SIGNED_URL  # noqa: E402
from tests.chaos.oracle import committed  # noqa: E402

ACCOUNT = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
CONNECTIONS = 64
RATE = 1000.0
CONFIGURATION = """
[server]
port = {port}
[admin]
port = {admin}
[journal]
url = "sqlite:{folder}/journal"
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


@dataclass(frozen=True, slots=True)
class Measured:
    """One server, one round."""

    load: dict[str, Any]
    cpu_us: float
    """Of its processes, per callback."""
    end_to_end_per_s: float | None = None


def requests_file(path: Path, count: int) -> None:
    """Write distinct callbacks, signed as of now."""
    now = str(int(time.time()))
    with path.open("wb") as file:
        for number in range(count):
            body = json.dumps(
                {
                    "kind": "Exchange",
                    "id": str(uuid.uuid4()),
                    "meta": f"order-{number}",
                    "localId": f"swap-{number}",
                    "status": "Done",
                    "time": 1716800123456,
                    "fee": "0.25",
                    "targetTicker": "ETH",
                    "targetAmount": "0.05",
                    "spendTicker": "USDT",
                    "spendAmount": "100.25",
                    "price": "2000",
                    "pricePair": ["ETH", "USDT"],
                    "merchantId": ACCOUNT,
                },
                separators=(",", ":"),
            ).encode()
            signature = hmac.new(SECRET, b"POST" + SIGNED_URL + body + now.encode(), hashlib.sha256).hexdigest()
            head = (
                f"POST /webhooks/main HTTP/1.1\r\nhost: merchant.example.com\r\nsignature: {signature}\r\n"
                f"timestamp: {now}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            whole = head.encode() + body
            file.write(struct.pack(">I", len(whole)) + whole)


class Bench:
    """One run: a folder, a broker, a compiled load."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self._load = folder / "load"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("bench: a C compiler is needed for the load, and neither cc nor gcc was found")
        subprocess.run([compiler, "-O2", "-o", str(self._load), str(HERE / "load.c")], check=True)

    def load(self, port: int, count: int, rate: float, *, new: bool) -> dict[str, Any]:
        """Send that many fresh callbacks."""
        path = self.folder / "requests"
        requests_file(path, count)
        command = [str(self._load), str(port), str(path), str(count), str(rate), str(CONNECTIONS), str(int(new))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        return dict(json.loads(done.stdout))

    def measure(self, name: str, count: int, rate: float, *, new: bool = False) -> Measured:
        """Start a server, warm it up, load it, stop it."""
        with self.ours(name) if name.startswith("ours") else self.plain(name) as (port, pids, settled):
            self.load(port, min(2000, count), 0, new=False)
            settled()
            before, started = cpu_s(pids()), time.monotonic()
            found = self.load(port, count, rate, new=new)
            drained_s = settled() - started if name == "ours" else None
            used = cpu_s(pids()) - before
        return Measured(found, used * 1e6 / count, count / drained_s if drained_s else None)

    @contextlib.contextmanager
    def plain(self, name: str) -> Iterator[Any]:
        """One of ``servers``, under uvicorn."""
        port = free_port()
        topic = f"plain-{port}"
        environ = {**os.environ, "BENCH_BOOTSTRAP": self.bootstrap, "BENCH_TOPIC": topic}
        if name == "straightforward":
            make_topic(self.bootstrap, topic)
        command = [sys.executable, "-m", "uvicorn", f"tests.benchmarks.servers:{name}", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning"]
        with subprocess.Popen(command, env=environ, cwd=ROOT) as server:
            try:
                wait_for(port)
                yield port, lambda: [server.pid], time.monotonic
            finally:
                server.send_signal(signal.SIGINT)

    @contextlib.contextmanager
    def ours(self, name: str) -> Iterator[Any]:
        """``receiver serve``; ``ours, relay stopped`` with its relay under SIGSTOP."""
        port, admin = free_port(), free_port()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        prefix = f"b{port}."
        config = folder / "receiver.toml"
        config.write_text(
            CONFIGURATION.format(
                port=port,
                admin=admin,
                folder=folder,
                bootstrap=self.bootstrap,
                prefix=prefix,
                account=ACCOUNT,
                url=SIGNED_URL.decode(),
            )
        )
        environ = {**os.environ, "BENCH_SECRET": SECRET.decode()}
        receiver = [sys.executable, "-m", "receiver"]
        subprocess.run(
            [*receiver, "topics", "create", "--config", config], env=environ, check=True, capture_output=True
        )
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([*receiver, "serve", "--config", str(config)], env=environ, stdout=log) as server,
        ):
            try:
                wait_for(port)
                yield port, lambda: children(server.pid), lambda: self.settled(admin, server.pid, name)
            finally:
                for pid in children(server.pid):
                    os.kill(pid, signal.SIGCONT)
                server.terminate()
        if name == "ours":
            seen = committed(self.bootstrap, f"{prefix}exchange.status.v1", 120)
            ids = {record.value["operation_id"] for record in seen}
            if len(ids) != len(seen):
                raise SystemExit(f"bench: {len(seen) - len(ids)} events are there twice")

    def settled(self, admin: int, supervisor: int, name: str) -> float:
        """Wait until all is on Kafka, or stop the relay; the time it was so."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz") as answer:
                said = json.load(answer)
                if name != "ours" and said["kafka"]["state"] == "up":
                    os.kill(relay_of(supervisor), signal.SIGSTOP)
                    return time.monotonic()
                if (
                    said["kafka"]["state"] == "up"
                    and not said["kafka"]["backlog"]
                    and not said["relay"]["uninterpreted"]
                ):
                    return time.monotonic()
            time.sleep(0.05)
        raise SystemExit("bench: the backlog did not drain")


def relay_of(supervisor: int) -> int:
    """The relay's process."""
    for pid in children(supervisor):
        if b"relay" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise SystemExit("bench: there is no relay")


def make_topic(bootstrap: str, topic: str) -> None:
    """A topic as ours are."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 6, 1)])[topic].result()


def children(pid: int) -> list[int]:
    """A process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pids: list[int]) -> float:
    """CPU time that processes have used, s."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(port: int) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"bench: nothing listens on {port}")


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def run(bench: Bench, rounds: int, count: int) -> list[str]:
    """All servers, alternating; the table's rows."""
    names = ("bare", "starlette", "straightforward", "ours", "ours, relay stopped")
    saturated: dict[str, list[Measured]] = {name: [] for name in names}
    paced: dict[str, list[Measured]] = {name: [] for name in ("bare", "straightforward", "ours")}
    fresh: dict[str, list[Measured]] = {name: [] for name in ("bare", "ours")}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            saturated[name].append(bench.measure(name, count, 0))
            say(f"round {number + 1}: {name} {saturated[name][-1].load['per_s']:.0f}/s")
        for name, into in paced.items():
            into.append(bench.measure(name, int(RATE) * 4, RATE))
        for name, into in fresh.items():
            into.append(bench.measure(name, count // 4, 0, new=True))
    rows = [
        "| at saturation, 64 keep-alive connections | throughput / bare | p99 / bare | CPU / bare |",
        "|---|---|---|---|",
    ]
    for name in names:
        pairs = list(zip(saturated[name], saturated["bare"], strict=True))
        rows.append(
            f"| {name} | {spread([a.load['per_s'] / b.load['per_s'] for a, b in pairs])} "
            f"| {spread([a.load['p99_us'] / b.load['p99_us'] for a, b in pairs])} "
            f"| {spread([a.cpu_us / b.cpu_us for a, b in pairs])} |"
        )
    ends = [
        (a.end_to_end_per_s or 0) / b.load["per_s"] for a, b in zip(saturated["ours"], saturated["bare"], strict=True)
    ]
    rows += ["", f"Ours, callback to `read_committed` record, sustained / bare: {spread(ends)}.", ""]
    rows += [f"| at {RATE:.0f}/s | p50, ms | p99, ms |", "|---|---|---|"]
    for name, found in paced.items():
        p50, p99 = ([one.load[key] / 1000 for one in found] for key in ("p50_us", "p99_us"))
        rows.append(f"| {name} | {spread(p50)} | {spread(p99)} |")
    news = [a.load["per_s"] / b.load["per_s"] for a, b in zip(fresh["ours"], fresh["bare"], strict=True)]
    rows += ["", f"A new connection per request, ours / bare in that mode: {spread(news)}."]
    lost = sum(one.load["failed"] for found in (*saturated.values(), *paced.values(), *fresh.values()) for one in found)
    per_s = statistics.median(one.load["per_s"] for one in saturated["bare"])
    cpu_us = statistics.median(one.cpu_us for one in saturated["bare"])
    rows += ["", f"Callbacks not answered 200: {lost}. Bare: {per_s:.0f}/s, {cpu_us:.0f} µs of CPU a callback."]
    return rows


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(f"{message}\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--write", action="store_true", help="Write RESULTS.md.")
    arguments = parser.parse_args()
    faults = missing()
    for fault in faults:
        say(f"bench: {fault}")
    if faults:
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Path(folder) / "kafka") as broker:
        rows = run(Bench(Path(folder), broker.bootstrap), arguments.rounds, arguments.count)
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "starlette", "aiokafka", "apsw", "pydantic"))
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by client, server, relay and broker, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}. {arguments.rounds} rounds of "
        f"{arguments.count} distinct, signed callbacks; medians, with the range in brackets. Made by "
        "`make bench-quick`; a figure without its pair of the same round says little."
    )
    text = "\n".join(["# Ours beside others", "", about, "", *rows, ""])
    sys.stdout.write(text)
    if arguments.write:
        (HERE / "RESULTS.md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
