"""``make attack``: honest callers, first alone and then beside each attack; a table, and exit 1 where one gets through.

An attack gets through where an honest callback is not answered 200, the time in which 99 of 100 are answered is more
than five times that of the quiet run, or a process grows beyond 250 MB. Attackers are processes of their own, on
loopback addresses of their own; each ends by itself when its time is over, and the service with them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.attack.attackers import names
from tests.attack.honest import Honest, Seen
from tests.chaos.service import Service

RATE = 100.0
SLOWER_MAX = 5.0
RESIDENT_BYTES_MAX = 250_000_000
BEGINS_S = 1.0
"""For an attack to be under way before it is measured."""


@dataclass(frozen=True)
class Measured:
    """What honest callers saw, the largest process, and the part of a core that the intake process took."""

    seen: Seen
    most_bytes: int
    cpu: float


def resident_bytes(service: Service) -> int:
    """The largest of the service's processes."""
    assert service.process is not None
    pids = [str(service.process.pid)]
    pids += Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()
    return max(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)


def cpu_s(service: Service) -> float:
    """The time that the intake process has worked, s."""
    fields = Path(f"/proc/{service.child('intake')}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


async def watched(service: Service, work: asyncio.Task[Seen]) -> int:
    """The most that any process grew to while something is under way, bytes."""
    most = 0
    while not work.done():
        most = max(most, resident_bytes(service))
        await asyncio.sleep(0.1)
    return most


@contextlib.contextmanager
def attacked(service: Service, attack: str | None, seconds: float, addresses: int) -> Iterator[None]:
    """Attackers, each a process and an address; none is left."""
    command = [sys.executable, "-m", "tests.attack.attackers", attack or "", str(service.port)]
    attackers = [
        subprocess.Popen([*command, f"127.0.1.{number + 1}", str(seconds)])
        for number in range(addresses if attack else 0)
    ]
    try:
        yield
    finally:
        for attacker in attackers:
            attacker.kill()
            attacker.wait()


async def measure(service: Service, attack: str | None, seconds: float, addresses: int) -> Measured:
    """Honest callers for so long, beside an attack or alone."""
    with attacked(service, attack, seconds + BEGINS_S, addresses):
        await asyncio.sleep(BEGINS_S)
        worked_s, started = cpu_s(service), time.monotonic()
        work = asyncio.create_task(Honest(service.port).run(RATE, seconds))
        most = await watched(service, work)
        seen = await work
        return Measured(seen, most, (cpu_s(service) - worked_s) / (time.monotonic() - started))


def line(name: str, measured: Measured, quiet_ms: float | None) -> bool:
    """Print a line of the table; whether all is well."""
    seen, most = measured.seen, measured.most_bytes
    p99 = seen.percentile_ms(0.99)
    faults = [f"{seen.failed} not answered 200 ({', '.join(sorted(seen.why))})"] if seen.failed else []
    faults += [f"{p99 / quiet_ms:.1f} times the quiet p99"] if quiet_ms and p99 > SLOWER_MAX * quiet_ms else []
    faults += ["too much memory"] if most > RESIDENT_BYTES_MAX else []
    figures = f"{seen.percentile_ms(0.5):9.1f} {p99:9.1f} {most / 1e6:9.0f} {100 * measured.cpu:9.0f}"
    sys.stdout.write(f"{name:15} {figures}   {'; '.join(faults) or 'held'}\n")
    sys.stdout.flush()
    return not faults


async def run(service: Service, seconds: float, only: str | None, addresses: int) -> bool:
    """The whole table; whether nothing got through."""
    sys.stdout.write(f"{'attack':15} {'p50 ms':>9} {'p99 ms':>9} {'most MB':>9} {'CPU %':>9}\n")
    quiet = await measure(service, None, seconds, 0)
    quiet_ms, held = quiet.seen.percentile_ms(0.99), line("(none)", quiet, None)
    for name in names(only):
        held = line(name, await measure(service, name, seconds, addresses), quiet_ms) and held
        await asyncio.sleep(1)
    return held


def main() -> int:
    """Start a service, attack it, stop it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=8, help="of each attack")
    options.add_argument("--only", help="attacks whose name holds this")
    options.add_argument("--addresses", type=int, default=1, help="from so many addresses at once")
    options.add_argument(
        "--log", type=Path, help="a file for what the service logged beside what honest callbacks make it log"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder) / "service") as service:
        service.start()
        service.wait_ready()
        began = time.monotonic()
        held = asyncio.run(run(service, chosen.seconds, chosen.only, chosen.addresses))
        lines = [
            text
            for text in service.log.read_text().splitlines()
            if "callback.accepted" not in text and "event.recorded" not in text
        ]
        if chosen.log is not None:
            chosen.log.write_text("\n".join(lines))
        sys.stdout.write(
            f"{time.monotonic() - began:.0f} s, {len(lines)} lines in the log beside those of honest callbacks\n"
        )
        service.stop()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
