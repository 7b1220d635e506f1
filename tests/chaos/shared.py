"""``python -m tests.chaos.shared --minutes 10 --seed 7``: several services on one PostgreSQL, and all that can happen.

The same load, ledger and independent consumer as ``python -m tests.chaos``; another cast. Exit 1 on a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "kafka-local"))

from kafka_local import missing, running

from tests.chaos.load import Ledger, Load
from tests.chaos.oracle import Verdict
from tests.chaos.postgres import programs, reachable_folder
from tests.chaos.postgres_pair import Pair
from tests.chaos.several import Several, log_lines
from tests.chaos.shared_faults import Stage
from tests.ports import free_port

OPERATIONS_PER_S = 20.0
BETWEEN_FAULTS_S = (0.2, 3.0)
END_TIMEOUT_S = 300
WORKERS = 3


async def run(
    folder: Path, minutes: float | None, seed: int, rate: float = OPERATIONS_PER_S, *, forks: bool = False
) -> int:
    """Run it, print the verdict, give the exit code. Without ``minutes`` each fault happens once.

    ``forks`` as in ``Service``.
    """
    bin_ = programs()
    if bin_ is None:
        say("chaos: PostgreSQL 14 or newer is needed: on Debian the package postgresql")
        return 1
    with (
        running(folder / "kafka", port=free_port(), controller=free_port()) as kafka,
        Pair(bin_, folder / "postgres") as pair,
        Several(folder, pair.primary, kafka.bootstrap, "", url=pair.url, workers=WORKERS, forks=forks) as several,
    ):
        if pair.note:
            say(f"left out: {pair.note}")
        assert several.workers[0].receiver("topics", "create").returncode == 0
        await asyncio.to_thread(several.start)
        sending = Load(several.urls[0], rate, seed, *several.urls[1:])
        stage = Stage(several, pair, kafka, random.Random(seed), sending.ledger)
        ledger = await _broken(stage, sending, minutes)
        return await asyncio.to_thread(_told, stage, ledger)


async def _broken(stage: Stage, sending: Load, minutes: float | None) -> Ledger:
    """One fault after the other while the load goes on; then everything is on Kafka."""
    task = asyncio.create_task(sending.run())
    until = None if minutes is None else time.monotonic() + minutes * 60
    for name in stage.each_once() if until is None else stage.turns():
        if until is not None and time.monotonic() >= until:
            break
        began_s = time.monotonic()
        await asyncio.to_thread(stage.happen, name)
        left = "" if until is None else f"{until - time.monotonic():6.0f} s left  "
        say(f"{left}{name} ({time.monotonic() - began_s:.1f} s)")
        await asyncio.sleep(stage.chance.uniform(*BETWEEN_FAULTS_S))
        stage.restart()
    sending.stop()
    ledger = await asyncio.wait_for(task, END_TIMEOUT_S)
    await asyncio.to_thread(stage.several.wait_published, END_TIMEOUT_S)
    return ledger


def _told(stage: Stage, ledger: Ledger) -> int:
    """Judge it and print what was found; the exit code."""
    several = stage.several
    verdict = several.judge(ledger)
    wrong = stage.wrong + _said_wrong(several)
    lines = [f"{count:5} × {name}" for name, count in stage.happened.most_common()]
    lines += [f"answers {dict(ledger.answers)}", *_waits(stage, ledger), *_verdict_lines(verdict, wrong)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if verdict.faults or wrong else 0


def _said_wrong(several: Several) -> list[str]:
    """What the services themselves found wrong: their check of the journal, and callbacks they miss."""
    checked = several.workers[0].receiver("journal", "check", timeout_s=END_TIMEOUT_S)
    found = [] if checked.returncode == 0 else [f"journal check: {checked.stdout[-1000:]} {checked.stderr[-300:]}"]
    return found + [line for intake in several.intakes for line in log_lines(intake, "inbox.lost")]


def _waits(stage: Stage, ledger: Ledger) -> list[str]:
    waits = sorted(stage.seen_after_s)
    told = [f"gap without a 200, longest  {max(ledger.gaps_s, default=0.0):.1f} s of {len(ledger.gaps_s)}"]
    for what, group in itertools.groupby(waits, lambda one: one[0]):
        took_s = [seconds for _, seconds in group]
        told.append(f"{what}: within {max(took_s):.1f} s, {len(took_s)} times")
    return told


def _verdict_lines(verdict: Verdict, wrong: list[str]) -> list[str]:
    return [*verdict.lines(), f"{'wrong':15} {len(wrong)}", *(f"    {one}" for one in wrong)]


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(message + "\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--once", action="store_true", help="each fault once, however long that takes")
    parser.add_argument("--rate", type=float, default=OPERATIONS_PER_S, help="operations begun in a second")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument(
        "--keep", type=Path, help="a new folder for all files, with the services' logs; else none stays"
    )
    arguments = parser.parse_args()
    for fault in missing():
        say(f"chaos: {fault}")
        return 1
    minutes = None if arguments.once else arguments.minutes
    say(f"seed {arguments.seed}, {'each fault once' if minutes is None else f'{minutes:g} minutes'}")
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True)
        return asyncio.run(run(arguments.keep.absolute(), minutes, arguments.seed, arguments.rate))
    with reachable_folder() as folder:
        return asyncio.run(run(folder, minutes, arguments.seed, arguments.rate))


if __name__ == "__main__":
    sys.exit(main())
