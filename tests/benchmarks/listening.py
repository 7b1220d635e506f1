"""What twenty browsers on the live tail cost those who send callbacks: p99 of the acks beside a console without any.

``python -m tests.benchmarks.listening`` runs a service with a load of a given rate, and beside it a console on its
journal, at the console's low priority; with twenty listeners and with none, in alternation, so that what else the
machine does falls on both. The listeners are in the console's process, over real sockets, and read all they are sent.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "kafka-local"))

from kafka_local import running

from receiver.console.app import Console
from receiver.console.live import LISTENERS_MAX
from receiver.console.metrics import ConsoleMetrics
from receiver.console.rules import AccessRules
from receiver.intake.http_server import HttpServer
from receiver.intake.limits import Limits
from receiver.journal.engines import find_journal
from receiver.model.errors import ReceiverError
from tests.benchmarks import report
from tests.benchmarks.__main__ import PACED_S, RATE
from tests.benchmarks.finding import NICE, ROOT, say
from tests.benchmarks.pages import desk_of
from tests.benchmarks.stage import Stage

LOOK_S = 0.05


async def _read(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /live/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
    while await reader.read(65_536):
        pass


async def _serve(journal: Path, listeners: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    console = Console(desk_of(find_journal(f"sqlite:{journal}")), AccessRules(), ConsoleMetrics())
    server = HttpServer(console.app, listener, shutdown_timeout_s=1, limits=Limits(answer_s=3600))
    serving = asyncio.create_task(server.run_until_stopped())
    reading = [asyncio.create_task(_read(listener.getsockname()[1])) for _ in range(listeners)]
    while await asyncio.to_thread(journal.exists):
        await asyncio.sleep(LOOK_S)
    console.close()
    server.stop()
    await asyncio.gather(serving, *reading, return_exceptions=True)


def watch(folder: Path, listeners: int) -> None:
    """Serve a console on whatever journal there is below a folder, until the process is ended."""
    os.nice(NICE)
    while True:
        for found in folder.glob("*/journal"):
            with suppress(ReceiverError, OSError):
                asyncio.run(_serve(found, listeners))
        time.sleep(LOOK_S)


@contextmanager
def console(folder: Path, listeners: int) -> Iterator[None]:
    """Run ``watch`` meanwhile."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.listening",
        "--watch",
        str(folder),
        "--listeners",
        str(listeners),
    ]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield
        finally:
            process.terminate()


def measure(rounds: int, rate: float, listeners: int) -> None:
    """The acks' p99 with listeners over that without, in pairs; also their median, and callbacks on Kafka a second."""
    ratios: dict[str, list[float]] = {"p99 of the acks": [], "p50 of the acks": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as name, running(Path(name) / "kafka") as broker:
        stage = Stage(Path(name), broker.bootstrap, None)
        for number in range(rounds):
            found = {}
            for count in (0, listeners) if number % 2 == 0 else (listeners, 0):
                with console(stage.folder, count):
                    load = stage.measure("ours", int(rate) * PACED_S, rate).load
                found[count] = load["p99_us"], load["p50_us"]
            for ratio, one, other in zip(ratios.values(), found[listeners], found[0], strict=True):
                ratio.append(one / other)
            say(f"round {number + 1}: without {found[0]} us, with {found[listeners]} us")
    for what, values in ratios.items():
        say(f"| {what} at {rate:.0f}/s, {listeners} listeners / none | {report.spread(values)} |")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--listeners", type=int, default=LISTENERS_MAX)
    parser.add_argument("--watch", type=Path)
    chosen = parser.parse_args()
    if chosen.watch is not None:
        watch(chosen.watch, chosen.listeners)
    else:
        measure(chosen.rounds, chosen.rate, chosen.listeners)


if __name__ == "__main__":
    main()
