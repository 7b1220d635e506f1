"""Several services on one journal in a database: their cast, and what must hold of the journal beside Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.schema import init
from receiver.journal.slots import SLOT_SHIFT
from receiver.service.share import fair_share
from tests.chaos.load import Ledger
from tests.chaos.oracle import Verdict, committed, judge
from tests.chaos.postgres import Postgres
from tests.chaos.service import Service, until

LEASE_S = 2.0
SLOTS = 2
START_TIMEOUT_S = 120
"""For all of them at once, on a machine that has a lot to do."""


class Several:
    """Services that take callbacks and workers, on one journal; all of them stopped at the end."""

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        bootstrap: str,
        prefix: str,
        *,
        url: str = "",
        intakes: Sequence[int] = (2, 1),
        workers: int = 2,
        forks: bool = False,
    ) -> None:
        """``url``: what ``journal.url`` is, where it is not only this server's; ``forks`` as in ``Service``.

        ``intakes`` has how many processes each service has that takes callbacks.
        """
        self.postgres, self.bootstrap, self.prefix = postgres, bootstrap, prefix
        init(Address.of(postgres.url), SLOTS)
        journal = f'url = "{url or postgres.url}"\nlease_s = {LEASE_S:g}'

        def member(role: str, number: int, processes: int = 1) -> Service:
            made: dict[str, Any] = {"journal": journal, "options": ["--role", role], "forks": forks}
            return Service(folder / f"{role}-{number}", bootstrap, prefix, processes=processes, **made)

        self._member = member
        self.intakes = [member("intake", at, count) for at, count in enumerate(intakes, start=1)]
        self.workers = [member("worker", number) for number in range(1, workers + 1)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for service in (*self.intakes, *self.workers):
            go_on(service)
            service.destroy()

    def one_more_each(self) -> tuple[Service, Service]:
        """One more service that takes callbacks, and one more worker; neither is started."""
        self.intakes.append(self._member("intake", len(self.intakes) + 1))
        self.workers.append(self._member("worker", len(self.workers) + 1))
        return self.intakes[-1], self.workers[-1]

    @property
    def urls(self) -> list[str]:
        """Where callbacks go."""
        return [intake.url for intake in self.intakes]

    def start(self) -> None:
        """Start whoever does not run, and wait until callbacks are taken and every slot is in somebody's hands."""
        for service in (*self.intakes, *self.workers):
            if service.process is None or service.process.poll() is not None:
                service.start()
        for service in (*self.intakes, *self.workers):
            service.wait_ready(START_TIMEOUT_S)
        until(self.all_work, START_TIMEOUT_S)

    def all_work(self) -> bool:
        """Whether each worker has its share, and Kafka takes what they publish."""
        said = [worker.readyz() for worker in self.workers]
        here = [[slot for slot in one["slots"] if slot["held_here"]] for one in said if one is not None]
        shares = sorted((len(slots) for slots in here), reverse=True)
        even = len(here) == len(self.workers) and sum(shares) == SLOTS and shares[0] == fair_share(SLOTS, len(here))
        return even and all(slot["kafka"] == "up" for slots in here for slot in slots)

    def holder_of(self, slot: int) -> Service:
        """The worker that has a slot now."""

        def holder() -> Service | None:
            for worker in self.workers:
                said = worker.readyz()
                if said is not None and any(one["slot"] == slot and one["held_here"] for one in said["slots"]):
                    return worker
            return None

        found: Service = until(holder)
        return found

    def others(self, worker: Service) -> list[Service]:
        """All workers but one."""
        return [one for one in self.workers if one is not worker]

    def wait_published(self, timeout_s: float = 120) -> None:
        """Wait until all is interpreted and on Kafka, as the database has it."""
        until(self._published, timeout_s)

    def _published(self) -> bool:
        # By the database alone: what processes say of themselves is half a second old. A position is noted once Kafka
        # has committed it, and within a second.
        behind = self.postgres.run(
            f"SELECT slot FROM receiver.slots AS s WHERE last_record > greatest(slot::bigint << {SLOT_SHIFT},"  # noqa: S608
            " (SELECT max(number) FROM receiver.kafka_memory AS m WHERE m.slot = s.slot))"
            " OR EXISTS (SELECT 1 FROM receiver.callbacks AS c WHERE c.slot = s.slot AND c.number > s.inbox_to)"
        )
        return not behind

    def published(self) -> list[int]:
        """The number of each slot's last record that is known to be on Kafka, 0 where none is."""
        asked = (
            "SELECT (SELECT max(number) FROM receiver.kafka_memory AS m WHERE m.slot = s.slot) FROM receiver.slots AS s"
        )
        return [int(last or 0) for (last,) in self.postgres.run(f"{asked} ORDER BY slot")]

    def wait_interpreted(self, timeout_s: float = 120) -> None:
        """Wait until each callback is, as the database has it."""
        left = "SELECT 1 FROM receiver.callbacks AS c JOIN receiver.slots AS s USING (slot) WHERE c.number > s.inbox_to"
        until(lambda: not self.postgres.run(f"{left} LIMIT 1"), timeout_s)

    def judge(self, ledger: Ledger) -> Verdict:
        """What an independent consumer says, and what stands in the database."""
        verdict = judge(ledger, committed(self.bootstrap, f"{self.prefix}exchange.status.v1"), None)
        kept = {
            (source, bytes(body)) for source, body in self.postgres.run("SELECT source, body FROM receiver.callbacks")
        }
        for callback in ledger.owed.values():
            if (callback.source, callback.body) not in kept:
                verdict.not_in_journal.append(f"{callback.key} {callback.provider_status}")
        verdict.misordered += self.gaps()
        return verdict

    def gaps(self) -> list[str]:
        """A sentence for each slot whose records are not numbered without a gap up to its last."""
        rows = self.postgres.run(
            f"SELECT slot, last_record - (slot::bigint << {SLOT_SHIFT}), count(number) FROM receiver.slots"  # noqa: S608
            f" LEFT JOIN receiver.records ON number >> {SLOT_SHIFT} = slot GROUP BY slot, last_record"
            " ORDER BY slot"
        )
        return [f"slot {slot} ends at its record {last} and has {count}" for slot, last, count in rows if last != count]


def last_records(postgres: Postgres) -> list[int]:
    """The number of each slot's last record, and of the one before its first where it has none."""
    return [int(last) for (last,) in postgres.run("SELECT last_record FROM receiver.slots ORDER BY slot")]


def pids(service: Service) -> list[int]:
    """The supervisor's process and all of its children's."""
    assert service.process is not None
    found = [service.process.pid]
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{found[0]}/task/{found[0]}/children").read_text().split()
        found += map(int, children)
    return found


def pause(service: Service) -> None:
    """Stop all of it where it stands; the supervisor first, or it would start its children again."""
    for pid in pids(service):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)


def pause_in_transaction(postgres: Postgres, service: Service, tries: int = 200) -> bool:
    """Stop a worker while it has a transaction of its outbox open, under load; False where that was never so.

    Tried again and again, since a transaction takes some milliseconds; the worker is paused in either case.
    """
    # It has locked its slot's row, and says nothing: the others' transactions do not stand still for so long.
    asked = (
        "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE state = 'idle in transaction'"
        " AND application_name = 'receiver outbox' AND state_change < clock_timestamp() - interval '80 ms'"
        " AND relation = 'receiver.slots'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')"
    )
    for _ in range(tries):
        pause(service)
        time.sleep(0.1)  # whatever was on its way to the database has come there
        if postgres.run(asked):
            return True
        go_on(service)
        time.sleep(0.01)
    pause(service)
    return False


def go_on(service: Service) -> None:
    """Let all of it go on."""
    if service.process is not None and service.process.poll() is None:
        for pid in pids(service):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def log_lines(service: Service, event: str) -> list[str]:
    """Lines of its log of one event."""
    said = service.log.read_text(errors="replace").splitlines() if service.log.exists() else []
    return [line for line in said if f'"event":"{event}"' in line]


async def taken_over(workers: Sequence[Service], slot: int, act: Callable[[], object]) -> None:
    """Take a slot's holder away by ``act``, and wait until one of ``workers`` has the slot; says how long that took."""

    def count() -> int:
        return sum(f'"slot":{slot},' in line for worker in workers for line in log_lines(worker, "slot.taken"))

    before = count()
    await asyncio.to_thread(act)
    began_s = time.monotonic()
    await asyncio.to_thread(until, lambda: count() > before, 60)
    sys.stderr.write(f"slot {slot} taken over after {time.monotonic() - began_s:.2f} s; the lease is {LEASE_S:g} s\n")
