"""What can happen to several services on one journal, to its database and to Kafka; each fault mends itself.

A fault that promises something by itself notes where that did not come true: that a service goes on after a take-over,
beside a long transaction, and says why it takes nothing while a disk is full.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from kafka_local import LocalKafka

from tests.chaos.load import Ledger
from tests.chaos.postgres_pair import FOREIGN, Pair
from tests.chaos.service import Service, until
from tests.chaos.several import LEASE_S, Several, go_on, pause, pause_in_transaction

SEEN_S = 180
"""Within so long it must be seen what a fault promises, on a machine that has a lot to do at the same time."""
FULL = "No space left on device"


class Stage:
    """The cast, its dice, and what can happen to it."""

    def __init__(self, several: Several, pair: Pair, kafka: LocalKafka, chance: random.Random, ledger: Ledger) -> None:
        self.several, self.pair, self.kafka, self.chance, self._ledger = several, pair, kafka, chance, ledger
        self.happened: Counter[str] = Counter()
        self.seen_after_s: list[tuple[str, float]] = []
        """What a fault promises, and how long it took."""
        self.wrong: list[str] = []
        """What a fault itself found wrong."""
        self.faults: Mapping[str, tuple[int, Callable[[], None]]] = {
            "a worker is killed": (4, self._kill_worker),
            "a process of a worker is killed": (4, self._kill_child),
            "a worker is paused": (3, self._pause_worker),
            "a worker is paused within a transaction": (2, self._pause_in_transaction),
            "an intake service is killed": (2, self._kill_intake),
            "a process that takes callbacks is killed": (2, self._kill_intake_child),
            "an intake service is paused": (1, self._pause_intake),
            "the database crashes": (2, self._crash),
            "the database is paused": (1, self._pause_database),
            "a session's process is killed": (2, self._kill_session),
            "sessions are ended": (2, self._end_sessions),
            "the replica is away": (1, self._pause_replica),
            "the replica takes over": (2, self._take_over),
            "a transaction stays open": (2, self._long_transaction),
            "Kafka is killed": (2, self._kill_kafka),
            "Kafka is paused": (1, self._pause_kafka),
        }
        if not pair.note:
            self.faults = {**self.faults, "the tables' disk is full": (2, self._full_disk)}

    def turns(self) -> Iterator[str]:
        """Without end, as the dice fall."""
        names = list(self.faults)
        while True:
            yield self.chance.choices(names, [self.faults[one][0] for one in names])[0]

    def each_once(self) -> Iterator[str]:
        """Each of them once, in an order that the dice choose."""
        yield from self.chance.sample(list(self.faults), len(self.faults))

    def happen(self, name: str) -> None:
        """Have one of them happen."""
        self.faults[name][1]()
        self.happened[name] += 1

    def restart(self) -> None:
        """Start whoever was killed, or has given up."""
        for service in (*self.several.intakes, *self.several.workers):
            if service.process is None or service.process.poll() is not None:
                service.start()

    def _sees(self, what: str, holds: Callable[[], object]) -> None:
        began_s = time.monotonic()
        try:
            until(holds, SEEN_S)
        except AssertionError:
            said = [one.readyz() for one in (*self.several.intakes, *self.several.workers)]
            self.wrong.append(f"{what}: not within {SEEN_S} s: {said}")
        self.seen_after_s.append((what, time.monotonic() - began_s))

    def _worker(self) -> Service:
        return self.chance.choice(self.several.workers)

    def _kill_worker(self) -> None:
        self._worker().kill("supervisor")
        time.sleep(self.chance.uniform(0, 2 * LEASE_S))
        self.restart()

    def _kill_child(self) -> None:
        self._worker().kill(self.chance.choice(("interpret", "publish")))

    def _kill_intake(self) -> None:
        self.chance.choice(self.several.intakes).kill("supervisor")
        self.restart()

    def _kill_intake_child(self) -> None:
        self.chance.choice(self.several.intakes).kill("intake")

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
        self.pair.primary.stop("immediate")
        time.sleep(self.chance.uniform(0, 3))
        self.pair.primary.start()

    def _pause_database(self) -> None:
        self.pair.primary.signal(signal.SIGSTOP)
        time.sleep(self.chance.choice((1, 3, 8)))  # the last is longer than a callback waits for its commit
        self.pair.primary.signal(signal.SIGCONT)

    def _kill_session(self) -> None:
        self.pair.primary.kill_sessions("receiver%")

    def _end_sessions(self) -> None:
        self.pair.primary.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'receiver%' AND random() < 0.5"
        )

    def _pause_replica(self) -> None:
        self.pair.replica.signal(signal.SIGSTOP)
        time.sleep(self.chance.choice((1, 3, 8)))  # no commit returns meanwhile
        self.pair.replica.signal(signal.SIGCONT)

    def _take_over(self) -> None:
        self.pair.primary.wait_for_replica(self.pair.replica.folder.name)  # else what it lacks is lost, rightly
        self.pair.fail_over()
        self.several.postgres = self.pair.primary
        newest, answered = self._newest(), self._answered()
        self._sees("callbacks are taken after a take-over", lambda: self._answered() > answered)
        self._sees("events go on after a take-over", lambda: self._interpreted() > newest)
        self.pair.follow()

    def _long_transaction(self) -> None:
        with self.pair.primary.session(FOREIGN) as foreign, foreign.transaction():
            foreign.execute("INSERT INTO written VALUES (now())")
            newest = self._newest()
            self._sees("events go on beside a transaction", lambda: self._interpreted() > newest)

    def _full_disk(self) -> None:
        self.pair.fill()
        try:
            self._sees("it is said that the disk is full", self._says_full)
        finally:
            self.pair.make_room()

    def _says_full(self) -> bool:
        said = [intake.readyz() for intake in self.several.intakes]
        return any(FULL in str(one["inbox"]["detail"]) for one in said if one is not None)

    def _kill_kafka(self) -> None:
        self.kafka.kill()
        time.sleep(self.chance.uniform(0, 3))
        self.kafka.start()
        self.kafka.wait_ready()

    def _pause_kafka(self) -> None:
        os.kill(self.kafka.pid, signal.SIGSTOP)
        time.sleep(self.chance.uniform(1, 8))
        os.kill(self.kafka.pid, signal.SIGCONT)

    def _answered(self) -> int:
        return self._ledger.answers["200"]

    def _newest(self) -> int:
        return int(self.pair.primary.run("SELECT coalesce(max(number), 0) FROM receiver.callbacks")[0][0])

    def _interpreted(self) -> int:
        return int(self.pair.primary.run("SELECT max(inbox_to) FROM receiver.slots")[0][0])
