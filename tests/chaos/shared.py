"""``python -m tests.chaos.shared --minutes 10 --seed 7``: several services on one PostgreSQL, and all that can happen.

The same load, ledger and independent consumer as ``python -m tests.chaos``; another cast. Exit 1 on a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "kafka-local"))

from kafka_local import LocalKafka, missing, running

from tests.chaos.load import Load
from tests.chaos.postgres import Postgres, programs
from tests.chaos.service import Service
from tests.chaos.several import LEASE_S, Several, go_on, pause, pause_in_transaction
from tests.ports import free_port

OPERATIONS_PER_S = 20.0
BETWEEN_FAULTS_S = (0.2, 3.0)
END_TIMEOUT_S = 300


class Stage:
    """The cast, its dice, and what can happen to it; each fault mends itself."""

    def __init__(self, several: Several, kafka: LocalKafka, chance: random.Random) -> None:
        self.several, self.kafka, self.chance = several, kafka, chance
        self.happened: Counter[str] = Counter()
        self.faults: Mapping[str, tuple[int, Callable[[], None]]] = {
            "a worker is killed": (4, self._kill_worker),
            "a child is killed": (4, self._kill_child),
            "a worker is paused": (4, self._pause_worker),
            "a worker is paused within a transaction": (2, self._pause_in_transaction),
            "an intake service is killed": (2, self._kill_intake),
            "an intake service is paused": (1, self._pause_intake),
            "the database crashes": (2, self._crash),
            "a session's process is killed": (2, self._kill_session),
            "sessions are ended": (2, self._end_sessions),
            "Kafka is killed": (2, self._kill_kafka),
        }

    def fault(self) -> str:
        """Have one of them happen; its name."""
        names = list(self.faults)
        name = self.chance.choices(names, [self.faults[one][0] for one in names])[0]
        self.faults[name][1]()
        self.happened[name] += 1
        return name

    def restart(self) -> None:
        """Start whoever was killed, or has given up."""
        for service in (*self.several.intakes, *self.several.workers):
            if service.process is None or service.process.poll() is not None:
                service.start()

    def _worker(self) -> Service:
        return self.chance.choice(self.several.workers)

    def _kill_worker(self) -> None:
        self._worker().kill("supervisor")
        time.sleep(self.chance.uniform(0, 2 * LEASE_S))
        self.restart()

    def _kill_child(self) -> None:
        self._worker().kill(self.chance.choice(("interpret", "publish")))
        self.chance.choice(self.several.intakes).kill("intake")

    def _kill_intake(self) -> None:
        self.chance.choice(self.several.intakes).kill("supervisor")
        self.restart()

    def _pause_worker(self) -> None:
        worker = self._worker()
        pause(worker)
        time.sleep(self.chance.uniform(0.5, 3 * LEASE_S))
        go_on(worker)

    def _pause_in_transaction(self) -> None:
        worker = self._worker()
        if pause_in_transaction(self.several.postgres, worker):
            time.sleep(self.chance.uniform(LEASE_S, 8))
        go_on(worker)

    def _pause_intake(self) -> None:
        intake = self.chance.choice(self.several.intakes)
        pause(intake)
        time.sleep(self.chance.uniform(0.5, 2))
        go_on(intake)

    def _crash(self) -> None:
        self.several.postgres.stop("immediate")
        time.sleep(self.chance.uniform(0, 3))
        self.several.postgres.start()

    def _kill_session(self) -> None:
        self.several.postgres.kill_sessions("receiver%")

    def _end_sessions(self) -> None:
        self.several.postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'receiver%' AND random() < 0.5"
        )

    def _kill_kafka(self) -> None:
        self.kafka.kill()
        time.sleep(self.chance.uniform(0, 3))
        self.kafka.start()
        self.kafka.wait_ready()


async def run(folder: Path, minutes: float, seed: int) -> int:
    """Run it, print the verdict, give the exit code."""
    bin_ = programs()
    if bin_ is None:
        say("chaos: PostgreSQL 14 or newer is needed: on Debian the package postgresql")
        return 1
    with (
        running(folder / "kafka", port=free_port(), controller=free_port()) as kafka,
        Postgres(bin_, folder / "postgres") as postgres,
    ):
        postgres.make()
        postgres.start()
        with Several(folder, postgres, kafka.bootstrap, "", workers=3) as several:
            assert several.workers[0].receiver("topics", "create").returncode == 0
            await asyncio.to_thread(several.start)
            return await _judged(several, Stage(several, kafka, random.Random(seed)), minutes * 60, seed)


async def _judged(several: Several, stage: Stage, seconds: float, seed: int) -> int:
    first, *others = several.urls
    sending = Load(first, OPERATIONS_PER_S, seed, *others)
    task = asyncio.create_task(sending.run())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began_s = time.monotonic()
        name = await asyncio.to_thread(stage.fault)
        say(f"{until - time.monotonic():6.0f} s left  {name} ({time.monotonic() - began_s:.1f} s)")
        await asyncio.sleep(stage.chance.uniform(*BETWEEN_FAULTS_S))
        stage.restart()
    sending.stop()
    ledger = await asyncio.wait_for(task, END_TIMEOUT_S)
    await asyncio.to_thread(several.wait_published, END_TIMEOUT_S)
    verdict = await asyncio.to_thread(several.judge, ledger)
    lines = [f"{count:5} × {name}" for name, count in stage.happened.most_common()]
    lines += [f"answers {dict(ledger.answers)}", *verdict.lines()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if verdict.faults else 0


def say(message: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(message + "\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument(
        "--keep", type=Path, help="a new folder for all files, with the services' logs; else none stays"
    )
    arguments = parser.parse_args()
    for fault in missing():
        say(f"chaos: {fault}")
        return 1
    say(f"seed {arguments.seed}, {arguments.minutes:g} minutes")
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True)
        return asyncio.run(run(arguments.keep.absolute(), arguments.minutes, arguments.seed))
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        Path(name).chmod(0o755)  # the database runs as somebody else
        return asyncio.run(run(Path(name), arguments.minutes, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
