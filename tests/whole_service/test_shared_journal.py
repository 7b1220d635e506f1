"""Several services on one journal: whoever dies, stops or is cut off, each event is on Kafka once and in order."""

from __future__ import annotations

import asyncio
import operator
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from kafka_local import LocalKafka

from tests.chaos.load import Ledger, Load
from tests.chaos.postgres import Postgres, two_servers
from tests.chaos.service import until
from tests.chaos.several import (
    LEASE_S,
    Several,
    go_on,
    last_records,
    log_lines,
    pause,
    pause_in_transaction,
    taken_over,
)

BACK_S = 60
"""After a promotion, on a machine that has a lot to do; on one that has not it is within 15 s, as the figures say."""

pytestmark = [pytest.mark.kafka, pytest.mark.long(seconds=90), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Postgres]]:
    """A PostgreSQL with fsync, and the one that commits wait for."""
    with two_servers(waited_for=True) as made:
        yield made


@pytest.fixture(scope="module")
def several(
    servers: tuple[Postgres, Postgres], kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Several]:
    """Two services that take callbacks, one of them with two processes, and two workers; all of them run."""
    first, second = servers
    url = f"postgresql://receiver@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres"
    with Several(tmp_path_factory.mktemp("several"), first, kafka.bootstrap, "several.", url=url, forks=True) as made:
        assert made.workers[0].receiver("topics", "create").returncode == 0
        made.start()
        yield made


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """All that was sent in this module, since all of it is on the same topics."""
    return Ledger()


async def load(several: Several, ledger: Ledger, seed: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Send while something goes on, and a little longer; then all of it is on Kafka, once and in order."""
    first, *others = several.urls
    sending = Load(first, 25, seed, *others)
    sending.ledger = ledger
    task = asyncio.create_task(sending.run())
    await asyncio.sleep(1)
    await meanwhile()
    await asyncio.sleep(1)
    sending.stop()
    await asyncio.wait_for(task, 120)
    await asyncio.to_thread(several.wait_published)
    found = several.judge(ledger)
    assert found.faults == 0, "\n".join(found.lines())
    assert found.obligations == found.events > 0


async def back(several: Several, ledger: Ledger) -> None:
    """Wait until callbacks are taken again, and until those of each slot are on Kafka; says how long that took."""
    began_s = time.monotonic()
    answered, records = ledger.answers["200"], last_records(several.postgres)
    for what, holds in (
        ("a callback is answered 200", lambda: ledger.answers["200"] > answered),
        ("each slot has new events", lambda: all(map(operator.lt, records, last_records(several.postgres)))),
        ("each slot's new events are on Kafka", lambda: all(map(operator.lt, records, several.published()))),
    ):
        await asyncio.to_thread(until, holds, BACK_S)
        sys.stderr.write(f"{what}: {time.monotonic() - began_s:.2f} s after the promotion\n")


async def test_a_slot_is_taken_over_from_a_worker_that_is_killed(several: Several, ledger: Ledger) -> None:
    """Once its lease has run out; the worker that comes back gets a share again."""
    several.start()  # whatever an earlier test left of it
    worker = several.holder_of(1)

    async def kill() -> None:
        await taken_over(several.others(worker), 1, lambda: worker.kill("supervisor"))

    await load(several, ledger, 1, kill)


async def test_a_worker_that_wakes_after_its_lease_changes_nothing(several: Several, ledger: Ledger) -> None:
    """Its successor has gone on; it learns that at its next commit or word, and takes part again."""
    several.start()  # whatever an earlier test left of it
    worker = several.holder_of(0)
    lost = len(log_lines(worker, "slot.lost"))

    async def stop_and_wake() -> None:
        await taken_over(several.others(worker), 0, lambda: pause(worker))
        await asyncio.sleep(LEASE_S)
        go_on(worker)
        await asyncio.to_thread(until, lambda: len(log_lines(worker, "slot.lost")) > lost)

    await load(several, ledger, 2, stop_and_wake)
    assert several.gaps() == []


async def test_a_worker_that_stops_within_a_transaction_is_replaced(several: Several, ledger: Ledger) -> None:
    """The database ends its session after some seconds; until then its slot waits, and callbacks are taken."""
    several.start()  # whatever an earlier test left of it
    worker = several.holder_of(1)

    def stop() -> None:
        assert pause_in_transaction(several.postgres, worker), "it was never stopped within a transaction"

    async def stop_within() -> None:
        await taken_over(several.others(worker), 1, stop)
        go_on(worker)

    await load(several, ledger, 5, stop_within)


async def test_a_database_that_crashes_is_waited_for(several: Several, ledger: Ledger) -> None:
    """Torn down twice, once as a whole and once by the death of a session's process; nobody has to lend a hand."""
    several.start()  # whatever an earlier test left of it

    async def crash() -> None:
        assert several.postgres.kill_sessions("receiver%") > 0
        await asyncio.sleep(2)
        await asyncio.to_thread(several.postgres.stop, "immediate")
        await asyncio.to_thread(several.postgres.start)

    await load(several, ledger, 3, crash)
    assert all(service.process is not None and service.process.poll() is None for service in several.intakes)


async def test_nothing_acknowledged_is_lost_where_a_synchronous_replica_takes_over(
    several: Several, ledger: Ledger, servers: tuple[Postgres, Postgres]
) -> None:
    """The primary dies under load and never comes back: whoever was answered 200 is in the journal and on Kafka."""
    several.start()  # whatever an earlier test left of it
    first, second = servers

    async def fail_over() -> None:
        await asyncio.to_thread(first.stop, "immediate")
        await asyncio.sleep(1)
        await asyncio.to_thread(second.promote)
        several.postgres = second
        await back(several, ledger)

    await load(several, ledger, 4, fail_over)
    assert [service.stop() for service in several.intakes] == [0, 0]
    assert [service.stop() for service in several.workers] == [0, 0]
    free = second.run("SELECT holder FROM receiver.slots")
    assert free == [(None,), (None,)]
