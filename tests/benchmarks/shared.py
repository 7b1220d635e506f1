"""A journal that several share, in PostgreSQL, beside one in a folder: in one run, alternating, as ratios.

``python -m tests.benchmarks.shared`` measures acks, events on Kafka, and what both cost the service and the server, by
numbers of intake processes and slots, with and without a replica that commits wait for; how long a take-over takes; and
what a history costs. ``--history 10000000`` for a long one: it needs some 3 kB of disk a callback.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count as counting
from pathlib import Path
from typing import Any

from tests.benchmarks import report, shared_history
from tests.benchmarks.arrivals import committed_since, ends
from tests.benchmarks.shared_service import (
    ACCOUNTS,
    LEASE_S,
    SOURCES,
    Configuration,
    Place,
    Way,
    cluster_cpu_s,
    cpu_of,
    wal_of,
)
from tests.benchmarks.stage import ROOT, Stage, requests_file
from tests.chaos.postgres import Postgres, programs
from tests.ports import free_port

sys.path.insert(0, str(ROOT / "deploy" / "kafka-local"))

from kafka_local import missing, running

SETTLE_S_MAX = 600.0
PACED_S = 4
WARM = 800
REPLICA = "copy"


WAYS = (
    Way("files"),
    Way("postgres"),
    Way("postgres", processes=2),
    Way("postgres", processes=4),
    Way("postgres", slots=2),
    Way("postgres", slots=4),
    Way("postgres", processes=4, slots=4),
    Way("replicated"),
    Way("replicated", processes=4, slots=4),
)


@dataclass(slots=True)
class Found:
    """One measurement."""

    acks_per_s: float
    events_per_s: float
    """Until the last one was on Kafka."""
    service_us: float
    """CPU a callback, of all processes of the service."""
    server_us: float
    """CPU a callback, of the database and of its replica."""
    p50_ms: float
    p99_ms: float
    """Of the ack, at the rate that is given."""
    lost: int = 0
    twice: int = 0
    wal_bytes: float = 0.0
    """Of the database's write-ahead log, a callback: what its disk and its replicas have to take."""


class SharedStage:
    """A broker, a load, and two clusters: one alone, and one whose commits wait for its replica."""

    def __init__(self, stage: Stage, alone: Postgres, replicated: Postgres, replica: Postgres) -> None:
        self._stage = stage
        self._alone, self._replicated, self._replica = alone, replicated, replica
        self._numbers = counting(1)

    @property
    def alone(self) -> Postgres:
        """The cluster without a replica."""
        return self._alone

    @contextlib.contextmanager
    def place(self, way: Way) -> Iterator[Place]:
        """A new journal, gone at the end."""
        if way.engine == "files":
            with tempfile.TemporaryDirectory(dir=self._stage.folder) as folder:
                yield Place(f"sqlite:{folder}/journal")
            return
        server = self._alone if way.engine == "postgres" else self._replicated
        schema = f"m{next(self._numbers)}"
        try:
            servers = (server,) if way.engine == "postgres" else (server, self._replica)
            yield Place(server.url, schema, server, servers)
        finally:
            server.run(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def configuration(self, way: Way, place: Place, folder: Path) -> Configuration:
        """Write it."""
        return Configuration(way, place, folder, self._stage.bootstrap)

    def measure(self, way: Way, count: int, rate: float, place: Place | None = None) -> Found:
        """Start a service, warm it up, load it, wait for Kafka, load it at the rate, stop it."""
        with contextlib.ExitStack() as stack:
            where = place or stack.enter_context(self.place(way))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._stage.folder)))
            made = self.configuration(way, where, folder)
            made.prepare()
            service = stack.enter_context(made.serving())
            self._send(made, WARM)
            since = ends(self._stage.bootstrap, made.topic)
            before_us = cpu_of(service), sum(map(cluster_cpu_s, where.servers))
            wal_bytes = wal_of(where)
            began = time.time()
            load = self._send(made, count)
            keys, last_ms = self._settled(since, int(load["ok"]))
            after_us = cpu_of(service), sum(map(cluster_cpu_s, where.servers))
            wal_bytes = wal_of(where) - wal_bytes
            paced = self._send(made, int(rate) * PACED_S, rate, settle=False)
            mine, theirs = ((after - start) * 1e6 / count for after, start in zip(after_us, before_us, strict=True))
            return Found(
                load["per_s"], count / max(0.001, last_ms / 1000 - began), mine, theirs, paced["p50_us"] / 1000,
                paced["p99_us"] / 1000, max(0, int(load["ok"]) - len(set(keys))), len(keys) - len(set(keys)),
                wal_bytes / count,
            )  # fmt: skip

    def trickle(self, made: Configuration, count: int, rate: float) -> None:
        """Send some callbacks at a rate, and wait for none of them."""
        path = made.folder / "trickle"
        requests_file(path, count, tuple(zip(SOURCES, ACCOUNTS, strict=True)))
        self._stage.load(made.port, path, count, rate, new=False)

    def _send(self, made: Configuration, count: int, rate: float = 0, *, settle: bool = True) -> dict[str, Any]:
        path = self._stage.folder / "shared-requests"
        requests_file(path, count, tuple(zip(SOURCES, ACCOUNTS, strict=True)))
        since = ends(self._stage.bootstrap, made.topic)
        found = self._stage.load(made.port, path, count, rate, new=False)
        if settle and count == WARM:
            self._settled(since, int(found["ok"]))
        return found

    def _settled(self, since: Any, wanted: int) -> tuple[list[bytes], int]:
        # All committed keys, and when the last was written, once as many are there as were answered.
        deadline = time.monotonic() + SETTLE_S_MAX
        while True:
            keys, last_ms = committed_since(self._stage.bootstrap, since)
            if len(set(keys)) >= wanted or time.monotonic() > deadline:
                return keys, last_ms
            time.sleep(0.5)


def take_overs(stage: SharedStage, times: int) -> list[float]:
    """Seconds from the death of who holds the slot, with all its processes, to the next event that is recorded."""
    way = Way("postgres")
    took = []
    with (
        stage.place(way) as place,
        tempfile.TemporaryDirectory() as name,
        contextlib.ExitStack() as stack,
    ):
        made = stage.configuration(way, place, Path(name))
        made.prepare()
        assert place.server is not None
        stack.enter_context(made.serving("intake"))
        sending = threading.Event()
        stack.callback(sending.set)
        thread = threading.Thread(target=_trickle, args=(stage, made, sending))
        thread.start()
        stack.callback(thread.join)
        stack.callback(sending.set)
        workers = [stack.enter_context(made.serving("worker", _worker(made, 0)))]
        _until_more(place, 0)
        for number in range(1, times + 1):
            workers.append(stack.enter_context(made.serving("worker", _worker(made, number))))
            time.sleep(3 * LEASE_S)
            os.killpg(workers[-2].pid, signal.SIGKILL)
            died_s, at = time.monotonic(), _last_record(place)
            _until_more(place, at)
            took.append(time.monotonic() - died_s)
            say(f"take-over {number}: {took[-1]:.2f} s")
    return took


def _worker(made: Configuration, number: int) -> Path:
    path = made.folder / f"worker-{number}.toml"
    made.write(path, free_port())
    return path


def _trickle(stage: SharedStage, made: Configuration, ended: threading.Event) -> None:
    while not ended.is_set():
        stage.trickle(made, 20, 20.0)


def _last_record(place: Place) -> int:
    assert place.server is not None
    return int(place.server.run(f"SELECT max(last_record) FROM {place.schema}.slots")[0][0])  # noqa: S608  ours


def _until_more(place: Place, than: int) -> None:
    deadline = time.monotonic() + SETTLE_S_MAX
    while _last_record(place) <= than and time.monotonic() < deadline:
        time.sleep(0.02)


def table(found: Mapping[str, Sequence[Found]], rate: float) -> list[str]:
    """All ways, each over the files in its round where it is a rate."""
    names = ("acks / files", "events on Kafka / files", "CPU of the service, µs", "of the server, µs", "its log, kB")
    columns = [*names, f"ack p50; p99 at {rate:.0f}/s, ms", "lost", "twice"]
    rows = [f"| at saturation, 64 connections | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    files = found["files"]
    for name, ours in found.items():
        acks = report.spread(one.acks_per_s / other.acks_per_s for one, other in zip(ours, files, strict=True))
        events = report.spread(one.events_per_s / other.events_per_s for one, other in zip(ours, files, strict=True))
        service, server, p50, p99 = (
            report.spread(getattr(one, column) for one in ours)
            for column in ("service_us", "server_us", "p50_ms", "p99_ms")
        )
        log = report.spread(one.wal_bytes / 1000 for one in ours)
        lost, twice = sum(one.lost for one in ours), sum(one.twice for one in ours)
        rows.append(f"| {name} | {acks} | {events} | {service} | {server} | {log} | {p50}; {p99} | {lost} | {twice} |")
    acks, events = (report.spread(getattr(one, name) for one in files) for name in ("acks_per_s", "events_per_s"))
    return [*rows, "", f"Files: {acks} acks and {events} events on Kafka a second."]


def compared(stage: SharedStage, ways: Sequence[Way], rounds: int, count: int, rate: float) -> list[str]:
    """Every way in each round, forth and back."""
    found: dict[str, list[Found]] = {way.name: [] for way in ways}
    for number in range(rounds):
        for way in ways if number % 2 == 0 else reversed(ways):
            one = stage.measure(way, count, rate)
            found[way.name].append(one)
            say(f"round {number + 1}: {way.name}: {one}")
    return table(found, rate)


def histories(stage: SharedStage, rounds: int, count: int, rate: float, sizes: Sequence[int]) -> list[str]:
    """With so many callbacks before, over none in the same round."""
    way = Way("postgres")
    columns = ("acks / none", "events on Kafka / none", "operation; callback; 500 in order, ms")
    rows = [f"| callbacks in the journal | {' | '.join(columns)} |", "|---|---|---|---|"]
    for size in sizes:
        with stage.place(way) as place, tempfile.TemporaryDirectory() as name:
            stage.configuration(way, place, Path(name)).prepare()
            began_s = time.monotonic()
            shared_history.fill(stage.alone, place.schema, size)
            say(f"history of {size}: filled in {time.monotonic() - began_s:.0f} s")
            looked = shared_history.looked_up_ms(stage.alone, place.schema, size)
            acks, events = [], []
            for number in range(rounds):
                pair = [stage.measure(way, count, rate), stage.measure(way, count, rate, place)]
                acks.append(pair[1].acks_per_s / pair[0].acks_per_s)
                events.append(pair[1].events_per_s / pair[0].events_per_s)
                say(f"history of {size}, round {number + 1}: acks {acks[-1]:.2f}, events {events[-1]:.2f}")
            times = "; ".join(f"{one:.2f}" for one in looked.values())
            rows.append(f"| {size} | {report.spread(acks)} | {report.spread(events)} | {times} |")
    return rows


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=8000, help="Of callbacks at saturation.")
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--take-overs", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", default=[], help="Ways by a part of their names; files are always among them."
    )
    parser.add_argument("--history", type=int, nargs="*", default=[10_000, 1_000_000])
    chosen = parser.parse_args()
    bin_, faults = programs(), missing()
    if bin_ is None or faults:
        say("; ".join(faults) or "PostgreSQL 14 or newer is needed: on Debian the package postgresql")
        return 1
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        broker = stack.enter_context(running(folder / "kafka"))
        alone, replicated = (stack.enter_context(Postgres(bin_, folder / name)) for name in ("alone", "replicated"))
        for server in (alone, replicated):
            server.make()
            server.start()
        replica = stack.enter_context(replicated.replica(folder / "copy", REPLICA))
        replicated.run(f"ALTER SYSTEM SET synchronous_standby_names = '{REPLICA}'")
        replicated.run("SELECT pg_reload_conf()")
        replicated.wait_for_replica(REPLICA)
        stage = SharedStage(Stage(folder, broker.bootstrap, None), alone, replicated, replica)
        ways = [
            way for way in WAYS if way.name == "files" or not chosen.only or any(one in way.name for one in chosen.only)
        ]
        rows = [*compared(stage, ways, chosen.rounds, chosen.count, chosen.rate), ""]
        took = report.spread(take_overs(stage, chosen.take_overs))
        rows += [f"A take-over with a lease of {LEASE_S} s, {chosen.take_overs} times: {took} s.", ""]
        rows += histories(stage, chosen.rounds, chosen.count, chosen.rate, chosen.history)
    load = ", ".join(f"{one:.0f}" for one in os.getloadavg())
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by all, load {load} at the end; {chosen.rounds}"
    )
    about += f" rounds of {chosen.count} callbacks; medians, with the range in brackets."
    sys.stdout.write("\n".join([about, "", *rows, ""]))
    return 0


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(f"{message}\n")


if __name__ == "__main__":
    sys.exit(main())
