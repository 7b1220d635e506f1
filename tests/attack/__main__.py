"""``make attack``: honest callers, first alone and then beside each attack; a table, and exit 1 where one gets through.

An attack gets through where an honest callback is not answered 200, the time in which 99 of 100 are answered is more
than five times that of the quiet run, or a process grows beyond 250 MB. Attackers are processes of their own, on
loopback addresses of their own; each ends by itself when its time is over, and the service with them.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.attack.attackers import names
from tests.attack.honest import Honest, Seen
from tests.chaos.service import Service

RATE = 100.0
SLOWER_MAX = 5.0
RESIDENT_BYTES_MAX = 250_000_000
BEGINS_S = 1.0
"""For an attack to be under way before it is measured."""


def resident_bytes(service: Service) -> int:
    """The largest of the service's processes."""
    assert service.process is not None
    pids = [str(service.process.pid)]
    pids += Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()
    return max(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)


async def watched(service: Service, work: asyncio.Task[Seen]) -> int:
    """The most that any process grew to while something is under way, bytes."""
    most = 0
    while not work.done():
        most = max(most, resident_bytes(service))
        await asyncio.sleep(0.1)
    return most


async def measure(service: Service, attack: str | None, seconds: float, addresses: int) -> tuple[Seen, int]:
    """Honest callers for so long, beside an attack or alone."""
    length = str(seconds + BEGINS_S)
    command = [sys.executable, "-m", "tests.attack.attackers", attack or "", str(service.port)]
    attackers = [
        subprocess.Popen([*command, f"127.0.1.{number + 1}", length]) for number in range(addresses if attack else 0)
    ]
    try:
        await asyncio.sleep(BEGINS_S)
        work = asyncio.create_task(Honest(service.port).run(RATE, seconds))
        most = await watched(service, work)
        return await work, most
    finally:
        for attacker in attackers:
            attacker.kill()
            attacker.wait()


def line(name: str, seen: Seen, most: int, quiet_ms: float | None) -> bool:
    """Print a line of the table; whether all is well."""
    p99 = seen.percentile_ms(0.99)
    faults = [f"{seen.failed} not answered 200 ({', '.join(sorted(seen.why))})"] if seen.failed else []
    faults += [f"{p99 / quiet_ms:.1f} times the quiet p99"] if quiet_ms and p99 > SLOWER_MAX * quiet_ms else []
    faults += ["too much memory"] if most > RESIDENT_BYTES_MAX else []
    sys.stdout.write(
        f"{name:15} {seen.percentile_ms(0.5):9.1f} {p99:9.1f} {most / 1e6:9.0f}   {'; '.join(faults) or 'held'}\n"
    )
    sys.stdout.flush()
    return not faults


async def run(service: Service, seconds: float, only: str | None, addresses: int) -> bool:
    """The whole table; whether nothing got through."""
    sys.stdout.write(f"{'attack':15} {'p50 ms':>9} {'p99 ms':>9} {'most MB':>9}\n")
    seen, most = await measure(service, None, seconds, 0)
    quiet_ms, held = seen.percentile_ms(0.99), line("(none)", seen, most, None)
    for name in names(only):
        seen, most = await measure(service, name, seconds, addresses)
        held = line(name, seen, most, quiet_ms) and held
        await asyncio.sleep(1)
    return held


def main() -> int:
    """Start a service, attack it, stop it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=8, help="of each attack")
    options.add_argument("--only", help="attacks whose name holds this")
    options.add_argument("--addresses", type=int, default=1, help="from so many addresses at once")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder) / "service") as service:
        service.start()
        service.wait_ready()
        began = time.monotonic()
        held = asyncio.run(run(service, chosen.seconds, chosen.only, chosen.addresses))
        lines = [text for text in service.log.read_text().splitlines() if "callback.accepted" not in text]
        sys.stdout.write(f"{time.monotonic() - began:.0f} s, {len(lines)} lines in the log beside accepted callbacks\n")
        service.stop()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
