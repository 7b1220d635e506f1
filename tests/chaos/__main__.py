"""``python -m tests.chaos --minutes 10 --seed 7``: load, faults chosen by the seed, the verdict. Exit 1 on a fault."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "kafka-local"))

from kafka_local import missing

from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.mishaps import MISHAPS
from tests.chaos.oracle import Seen, Verdict, committed, judge
from tests.chaos.report import report
from tests.chaos.world import EVENTS_TOPIC, QUARANTINE_TOPIC, World

OPERATIONS_PER_S = 15.0
BETWEEN_FAULTS_S = (0.2, 2.5)
END_TIMEOUT_S = 300
MISHAPS_A_FAULT = 2


async def run(folder: Path, minutes: float, seed: int, brokers: int, only: str | None) -> int:
    """Run it, print the report, give the exit code."""
    world = World(folder, random.Random(seed), seed)
    this = asyncio.current_task()
    if this is not None:  # whoever ends the run leaves nothing behind: SIGINT does the same by itself
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        say(f"seed {seed}, {minutes:g} minutes, {brokers} brokers, files in {folder}")
        await world.build(brokers, OPERATIONS_PER_S)
        for note in world.notes:
            say(f"left out: {note}")
        world.service.start()
        await world.ready()
        await break_things(world, minutes * 60, only)
        verdict, records, odd = await judged(world)
        text = report(world, verdict, records, odd)
        sys.stdout.write(text + "\n")
        return 1 if verdict.faults or world.wrong else 0
    finally:
        await world.tear_down()


async def break_things(world: World, seconds: float, only: str | None) -> None:
    """One fault after the other, while the load goes on; then everything is mended and drains."""
    sending = asyncio.create_task(world.load.run())
    keeping = asyncio.create_task(world.keep_running())
    try:
        await _faults(world, time.monotonic() + seconds, only)
        await world.ready()
        world.load.stop()
        world.load.go_on()
        await asyncio.wait_for(sending, END_TIMEOUT_S)
        await world.drained()
    finally:  # who keeps it running would start it once more after its end
        for task in (sending, keeping):
            task.cancel()
        await asyncio.gather(sending, keeping, return_exceptions=True)


async def _faults(world: World, until: float, only: str | None) -> None:
    for fault in turns(world, only):
        if time.monotonic() >= until:
            return
        started = time.monotonic()
        if fault in MISHAPS:  # else another trouble is said, or that nothing was connected yet
            await world.until("up before a mishap", lambda said: said["kafka"]["state"] == "up", 120)
        await fault.run(world)
        say(f"{until - time.monotonic():6.0f} s left  {fault.name} ({time.monotonic() - started:.1f} s)")
        await asyncio.sleep(world.chance.uniform(*BETWEEN_FAULTS_S))


def turns(world: World, only: str | None) -> Iterator[Fault]:
    """Without end: one fault as the dice fall, then two mishaps from a deck, so that each of these comes up."""
    faults, mishaps = (
        [one for one in kinds if (world.knobs or not one.needs_knobs) and (only is None or only in one.name)]
        for kinds in (FAULTS, MISHAPS)
    )
    if not faults and not mishaps:
        raise SystemExit(f"chaos: no fault's name holds {only!r}")
    deck: list[Fault] = []
    while True:
        if faults:
            yield world.chance.choices(faults, [fault.weight for fault in faults])[0]
        for _ in range(MISHAPS_A_FAULT if mishaps else 0):
            if not deck:
                deck = [mishap for mishap in mishaps for _ in range(mishap.weight)]
                world.chance.shuffle(deck)
            yield deck.pop()


async def judged(world: World) -> tuple[Verdict, list[Seen], list[Seen]]:
    """Read both topics as an independent consumer, and judge."""
    records = await asyncio.to_thread(committed, world.bootstrap, EVENTS_TOPIC, 120)
    odd = await asyncio.to_thread(committed, world.bootstrap, QUARANTINE_TOPIC, 120)
    journal = world.service.folder / "journal"
    verdict = judge(world.ledger, records, journal, world.in_journal_from)
    reasons = {seen.value["body_sha256"]: seen.value["reason"] for seen in odd}
    for digest, reason in world.odd.items():
        if reasons.get(digest) != reason:
            verdict.lost.append(f"quarantine {reason} of body {digest[:12]}: {reasons.get(digest)}")
    checked = await asyncio.to_thread(world.service.receiver, "journal", "check", timeout_s=300)
    if checked.returncode != 0:
        world.wrong.append(f"journal check: {checked.stdout[-1000:]} {checked.stderr[-300:]}")
    return verdict, records, odd


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(message + "\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--brokers", type=int, default=3, choices=(1, 3))
    parser.add_argument("--only", help="faults whose name holds this")
    parser.add_argument("--keep", type=Path, help="a new folder for all files, with the service's log; else none stays")
    arguments = parser.parse_args()
    faults = missing()
    for fault in faults:
        say(f"chaos: {fault}")
    if faults:
        return 1
    with contextlib.ExitStack() as stack:
        if arguments.keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        else:
            folder = arguments.keep.absolute()
            folder.mkdir(parents=True)
        try:
            return asyncio.run(run(folder, arguments.minutes, arguments.seed, arguments.brokers, arguments.only))
        except asyncio.CancelledError:
            say("chaos: ended before its time, without a verdict")
            return 1


if __name__ == "__main__":
    sys.exit(main())
