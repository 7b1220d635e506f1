"""``make bench-quick | bench | bench-full``: ours beside others, alternating in one run, as ratios.

A ratio is taken within its round, and the tables give medians with their spread. Machines that are shared differ by a
third from run to run, so a figure without its pair says little.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "deploy" / "kafka-local"))

from kafka_local import missing, running  # noqa: E402

from tests.benchmarks import bento, history, plots, report  # noqa: E402
from tests.benchmarks.stage import TRACED, Measured, Stage, stolen  # noqa: E402
from tests.trace.collector import collecting  # noqa: E402

RATE = 1000.0
PACED_S = 4
RATES = (250, 500, 1000, 2000, 4000, 8000, 12_000, 16_000)
SWEEP_S = 3
P99_MS_MAX = 50.0
"""Of the ack, for the highest rate that a server is said to hold."""
BACKLOG = {"bench": 100_000, "full": 1_000_000}
WATCHED = "ours, beside a consumer"
COUNT_MIN, COUNT_MAX = 6000, 30_000
"""Callbacks of a measurement at saturation."""
COUNT_S = 0.5
"""What the bare server needs for them: a slower machine gets fewer, so that a run ends in its time there too."""
ROUNDS = {"quick": 3, "bench": 5, "full": 5, "traces": 5}
SLOW_PER_S = 25_000
"""A machine on which the bare server answers fewer has one round less of the quick ones: starting takes it long too."""
OLD, OLD_S = 500_000, 500 * 86_400
"""Callbacks of that age in a journal that forgets after 400 days, for more than a measurement's time to purge."""
ROTATED, ROTATED_BYTES = 14, 4_000_000
"""As many bytes a second as the chunks free: 4000 callbacks of a kilobyte."""
HISTORIES = (10_000, 1_000_000, 10_000_000)


class Run:
    """One run of the benchmark."""

    def __init__(self, stage: Stage, mode: str, rounds: int, count: int) -> None:
        self._stage = stage
        self._mode = mode
        self._rounds = rounds
        self._count = count
        self._bento = ["bento", "bento, fsynced"] if stage.bento is not None else []

    def tables(self) -> list[str]:
        """Everything of this mode, as Markdown."""
        quick = self._mode == "quick"
        names = ["bare", *(["starlette"] if self._mode != "bench" else []), "straightforward", *self._bento]
        found = self._alternate([*names, "ours", "ours, relay stopped"], self._count)
        slow = ["bare", "straightforward", *self._bento[:1], "ours"]
        paced = self._alternate(slow, int(RATE) * PACED_S, RATE)
        paced[WATCHED] = [self._watched() for _ in range(self._rounds)]
        fresh = self._alternate(["bare", *self._bento[:1], "ours"], self._count // 4, new=True)
        rows = [*report.saturation(found), "", *report.paced(paced, RATE), "", *report.fresh(fresh), ""]
        rows.append(self._memory(found["ours"]))
        bare = [one.load["per_s"] for one in found["bare"]]
        cpu = report.spread(one.cpu_us for one in found["bare"])
        rows += ["", f"Bare: {report.spread(bare)} a second, {cpu} µs of CPU."]
        if not quick:
            rows += ["", self._slow_disk(), "", self._backlog(bare), "", *self._sweep()]
        if self._mode == "full":
            rows += ["", *self._histories(), "", *self._retention()]
        return rows

    def _alternate(
        self, names: Sequence[str], count: int, rate: float = 0, *, new: bool = False
    ) -> dict[str, list[Measured]]:
        found: dict[str, list[Measured]] = {name: [] for name in names}
        for number in range(self._rounds):
            for name in names if number % 2 == 0 else reversed(names):
                one = self._stage.measure(name, count, rate, new=new)
                found[name].append(one)
                what = "new connections" if new else rate or "saturation"
                say(f"round {number + 1}, {what}: {name} {one.load['per_s']:.0f}/s")
        return found

    def traces(self) -> list[str]:
        """What it costs to be traced: beside the same without, in the same round."""
        names = ["ours", *TRACED]
        with collecting() as told:
            self._stage.collector = told.url
            loads = {
                f"{RATE:.0f}/s": self._alternate(names, int(RATE) * PACED_S, RATE),
                "saturation": self._alternate(names, self._count),
            }
        return report.traces(loads)

    def _watched(self) -> Measured:
        return self._stage.measure("ours", int(RATE) * PACED_S, RATE, watched=True)

    def _memory(self, ours: Sequence[Measured]) -> str:
        peaks = (
            f"{role} {max(one.rss_mb.get(role, 0) for one in ours):.0f} MB"
            for role in ("intake", "interpret", "publish")
        )
        return f"Memory at the end of saturation, the most of all rounds: {', '.join(peaks)}."

    def _slow_disk(self) -> str:
        shim = self._stage.compiled("slow_fsync", "-shared", "-fPIC", "-ldl")
        slow = [self._stage.measure("ours", int(RATE) * PACED_S, RATE, preload=shim) for _ in range(self._rounds)]
        p50, p99 = (report.spread(one.load[key] / 1000 for one in slow) for key in ("p50_us", "p99_us"))
        return f"With every fsync slowed by 5 ms, at {RATE:.0f}/s: p50 {p50} ms, p99 {p99} ms."

    def _backlog(self, bare: Sequence[float]) -> str:
        count = BACKLOG[self._mode]
        journal = self._stage.folder / "backlog"
        history.fill(journal, count)
        with self._stage.serving("ours", journal=journal) as server:
            started = time.monotonic()
            server.settle()
            per_s = count / (time.monotonic() - started)
        shutil.rmtree(journal)
        ratio = per_s / sorted(bare)[len(bare) // 2]
        return (
            f"A backlog of {count} callbacks, nothing else running: {per_s:.0f} a second on Kafka, {ratio:.2f} of bare."
        )

    def _sweep(self) -> list[str]:
        acks: dict[str, list[plots.Point]] = {}
        seen: dict[str, list[plots.Point]] = {}
        for name in ("straightforward", *self._bento[:1], "ours"):
            for rate in RATES:
                one = self._stage.measure(name, rate * SWEEP_S, rate, watched=True)
                load = one.load
                point = float(rate), load["p50_us"] / 1000, load["p99_us"] / 1000, load["p999_us"] / 1000
                acks.setdefault(name, []).append(point)
                if one.arrival_ms:
                    shares = [report.share(one.arrival_ms, part) for part in (0.5, 0.99, 0.999)]
                    seen.setdefault(name, []).append((float(rate), shares[0], shares[1], shares[2]))
                say(f"sweep: {name} at {rate}/s, p99 {point[2]:.1f} ms")
                if min(p99 for _, _, p99, _ in acks[name][-2:]) > P99_MS_MAX and len(acks[name]) > 1:
                    break  # it is past what it holds; more of that only takes time
        plots.latency(HERE / "ack_latency.png", "From a due request to its 200", acks)
        plots.latency(HERE / "consumer_latency.png", "From receipt to a read_committed consumer", seen)
        rates = ", ".join(map(str, RATES))
        rows = [f"| highest of the rates {rates} with ack p99 below {P99_MS_MAX:.0f} ms | |", "|---|---|"]
        for name, points in acks.items():
            highest = max((point[0] for point in points if point[2] < P99_MS_MAX), default=0)
            rows.append(f"| {name} | {highest:.0f}/s |")
        return [*rows, "", "![ack latency](ack_latency.png)", "", "![latency to a consumer](consumer_latency.png)"]

    def _histories(self) -> list[str]:
        rows = ["| callbacks in the journal | acks / none | on Kafka / none |", "|---|---|---|"]
        for count in HISTORIES:
            journal = self._stage.folder / f"history-{count}"
            history.fill(journal, count)
            with self._stage.serving("ours", journal=journal) as server:
                server.settle()  # interpreted and published, as a history is
            acks, kafka = [], []
            for _ in range(self._rounds):
                none = self._stage.measure("ours", self._count)
                one = self._stage.measure("ours", self._count, journal=journal)
                acks.append(one.load["per_s"] / none.load["per_s"])
                kafka.append((one.settled_per_s or 0) / (none.settled_per_s or 1))
                say(f"history {count}: acks {acks[-1]:.2f}, on Kafka {kafka[-1]:.2f}")
            shutil.rmtree(journal)
            rows.append(f"| {count} | {report.spread(acks)} | {report.spread(kafka)} |")
        return rows

    def _retention(self) -> list[str]:
        journal = self._stage.folder / "old"
        history.fill(journal, OLD, OLD_S)
        history.fill(journal, 1)  # a clock far from the newest callback's time is in doubt, and purges nothing
        with self._stage.serving("ours", journal=journal, purging=False) as server:
            server.settle()
        found: dict[str, list[float]] = {way: [] for way in ("nothing", "chunks", "a rotated file a second")}
        for _ in range(self._rounds):
            for way, p99s in found.items():
                with unlinking(self._stage.folder, ROTATED_BYTES if "file" in way else 0):
                    one = self._stage.measure(
                        "ours", int(RATE) * PACED_S * 2, RATE, journal=journal, purging=way == "chunks"
                    )
                p99s.append(one.load["p99_us"] / 1000)
                say(f"retention, {way}: p99 {p99s[-1]:.2f} ms")
        rows = [f"| purged meanwhile, at {RATE:.0f}/s | ack p99, ms | / nothing |", "|---|---|---|"]
        for way, p99s in found.items():
            ratio = report.spread(mine / none for mine, none in zip(p99s, found["nothing"], strict=True))
            rows.append(f"| {way} | {report.spread(p99s)} | {ratio} |")
        return rows


@contextlib.contextmanager
def unlinking(folder: Path, size: int) -> Iterator[None]:
    """Meanwhile remove a file of ``size`` bytes each second: what retention by rotated files would do. 0: none."""
    ended = threading.Event()
    files = [folder / f"rotated-{number}" for number in range(ROTATED if size else 0)]
    for file in files:
        file.write_bytes(os.urandom(size))
    os.sync()

    def remove() -> None:
        for file in files:
            if ended.wait(1.0):
                return
            file.unlink()

    removing = threading.Thread(target=remove)
    removing.start()
    try:
        yield
    finally:
        ended.set()
        removing.join()
        for file in files:
            file.unlink(missing_ok=True)


def fitting(stage: Stage, mode: str) -> tuple[int, int]:
    """How many callbacks a measurement at saturation takes on this machine, as it is now, and how many rounds."""
    stage.measure("bare", COUNT_MIN)
    per_s = float(stage.measure("bare", COUNT_MIN).load["per_s"])
    count = min(COUNT_MAX, max(COUNT_MIN, round(per_s * COUNT_S / 1000) * 1000))
    return count, ROUNDS[mode] - (mode == "quick" and per_s < SLOW_PER_S)


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(f"{message}\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["quick", "bench", "full", "traces"])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--count", type=int, help="Of callbacks at saturation; otherwise as many as suit the machine.")
    parser.add_argument("--write", action="store_true", help="Write RESULTS.md.")
    arguments = parser.parse_args()
    faults = missing()
    for fault in faults:
        say(f"bench: {fault}")
    if faults:
        return 1
    before = stolen()
    other = bento.built() if arguments.mode in {"bench", "full"} else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(Path(folder) / "kafka") as broker:
        stage = Stage(Path(folder), broker.bootstrap, other)
        count, rounds = fitting(stage, arguments.mode)
        count, rounds = arguments.count or count, arguments.rounds or rounds
        run = Run(stage, arguments.mode, rounds, count)
        rows = run.traces() if arguments.mode == "traces" else run.tables()
    taken, wanted = (after - start for after, start in zip(stolen(), before, strict=True))
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "starlette", "aiokafka", "apsw", "pydantic"))
    others = f", Bento {bento.VERSION}" if other else ""
    made_by = "make bench" if arguments.mode == "bench" else f"make bench-{arguments.mode}"
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by client, server, relay and broker, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}{others}. {rounds} rounds of "
        f"{count} distinct, signed callbacks; medians, with the range in brackets. The machine's host kept "
        f"{taken / max(1, wanted):.0%} of what was wanted of its processors. Made by `{made_by}`; a figure without its "
        "pair says little."
    )
    text = "\n".join(["# Ours beside others", "", about, "", *rows, ""])
    sys.stdout.write(text)
    if arguments.write:
        kept = (HERE / "PROFILES.md").read_text("utf-8") if (HERE / "PROFILES.md").exists() else ""
        (HERE / "RESULTS.md").write_text(text + kept, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
