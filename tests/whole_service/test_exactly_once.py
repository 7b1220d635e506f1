"""The whole service under load, killed again and again, judged by an independent consumer."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from kafka_local import LocalKafka, running

from tests.chaos.load import Ledger, Load
from tests.chaos.oracle import Verdict, committed, judge
from tests.chaos.service import Service
from tests.ports import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

Meanwhile = Callable[[Ledger], Awaitable[None]]
OWED_MIN = 500
"""Callbacks that were answered 200 by the end: on a busy machine it takes longer."""
AWAY_OWED_MIN = 200
"""The same of the test whose broker is away for a while."""
KILLS_MIN = 20
DEAF_KILLS_MAX = 2
"""In a row, of what takes callbacks: the second may come while it still starts. After that it is left to answer one."""
GAP_S_MAX = 20.0
"""Without an answer, after up to two such kills; five seconds, for one death, are the affair of ``test_processes``."""


@pytest.fixture
def service(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[Service]:
    """An installation whose topics exist; nothing of it runs afterwards."""
    with Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as made:
        done = made.receiver("topics", "create")
        assert done.returncode == 0, done.stderr
        yield made


async def load(service: Service, seconds: float, rate: float, meanwhile: Meanwhile) -> Ledger:
    """Load the service for a time, with something else going on; returns when everything was answered 200."""
    sending = Load(service.url, rate, seed=5)
    task = asyncio.create_task(sending.run())
    happening = asyncio.ensure_future(meanwhile(sending.ledger))
    await asyncio.sleep(seconds)
    await happening
    sending.stop()
    return await asyncio.wait_for(task, 60)


def verdict(service: Service, bootstrap: str, prefix: str, ledger: Ledger) -> Verdict:
    """What an independent ``read_committed`` consumer says."""
    records = committed(bootstrap, f"{prefix}exchange.status.v1")
    found = judge(ledger, records, service.folder / "journal")
    assert found.faults == 0, "\n".join(found.lines())
    assert found.obligations == found.events
    return found


async def nothing(_: Ledger) -> None:
    """Nothing else goes on."""


async def test_signed_callbacks_become_events_with_key_headers_and_facts(
    service: Service, kafka: LocalKafka, prefix: str
) -> None:
    """Each once, in order, on its topic; the CloudEvents headers say what the value says."""
    service.start()
    service.wait_ready()
    ledger = await load(service, 3, 40, nothing)
    service.wait_published(len(ledger.owed))
    assert verdict(service, kafka.bootstrap, prefix, ledger).obligations > 100
    for record in committed(kafka.bootstrap, f"{prefix}exchange.status.v1"):
        event, headers = record.value, record.headers
        assert headers["ce_id"] == event["event_id"]
        assert headers["ce_type"] == f"exchange.{event['status']}"
        assert headers["ce_source"] == f"/{event['provider']}/{event['source']}"
        assert headers["ce_subject"] == event["operation_id"]
        assert headers["ce_time"] == event["received_at"]
        assert headers["content-type"] == "application/json"
        assert int(headers["receiver-callback"]) > 0
        assert record.key.split(":") == [event[n] for n in ("provider", "account", "kind", "operation_id")]
    tailed = service.receiver("tail", "--json")
    on_kafka = service.receiver("tail", "--kafka", "--json")
    assert Counter(tailed.stdout.splitlines()) == Counter(on_kafka.stdout.splitlines())
    assert len(tailed.stdout.splitlines()) == len(ledger.owed)
    assert service.stop() == 0


@pytest.mark.long
async def test_a_few_dozen_sigkills_lose_repeat_and_reorder_nothing(
    service: Service, kafka: LocalKafka, prefix: str
) -> None:
    """Intake process, relay and supervisor, at random moments under load; callbacks are taken again soon after each."""
    chance, kills = random.Random(7), Counter[str]()
    service.start()
    service.wait_ready()

    async def kill(ledger: Ledger) -> None:
        until, deaf, deaf_since = time.monotonic() + 18, 0, 0.0
        while time.monotonic() < until or sum(kills.values()) < KILLS_MIN or len(ledger.owed) <= OWED_MIN:
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            role = chance.choices(("intake", "interpret", "publish", "supervisor"), (4, 4, 4, 1))[0]
            if role in {"intake", "supervisor"}:
                if ledger.last_ok_s > deaf_since:
                    deaf = 0
                if deaf == DEAF_KILLS_MAX:
                    continue
                deaf, deaf_since = deaf + 1, time.monotonic()
            kills[role] += service.kill(role)
            if role == "supervisor":
                service.start()

    ledger = await load(service, 18, 40, kill)
    service.wait_published(len(ledger.owed))
    assert sum(kills.values()) >= KILLS_MIN, kills
    assert max(ledger.gaps_s, default=0) < GAP_S_MAX
    assert verdict(service, kafka.bootstrap, prefix, ledger).obligations > OWED_MIN
    assert service.stop() == 0


@pytest.mark.long
async def test_a_broker_that_is_away_costs_no_callback_and_the_backlog_drains_by_itself(tmp_path: Path) -> None:
    """Stopped while callbacks arrive, away for a while, started again: all 200, all events, in order, once."""
    with running(tmp_path / "kafka") as broker:
        service = Service(tmp_path / "service", broker.bootstrap, "b.", forks=True)
        try:
            assert service.receiver("topics", "create").returncode == 0
            service.start()
            service.wait_ready()
            states: list[str] = []

            async def bounce(ledger: Ledger) -> None:
                await asyncio.sleep(2)
                await asyncio.to_thread(broker.kill)
                await until_detail(service, "")
                said = service.readyz()
                assert said is not None
                states.append(said["kafka"]["state"])
                assert said["ready"]
                await asyncio.sleep(3)
                broker.start()
                while len(ledger.owed) <= AWAY_OWED_MIN:
                    await asyncio.sleep(0.1)

            ledger = await load(service, 8, 30, bounce)
            await asyncio.to_thread(broker.wait_ready)
            service.wait_published(len(ledger.owed), 90)
            assert set(ledger.answers) == {"200"}
            assert states == ["down"]
            assert verdict(service, broker.bootstrap, "b.", ledger).obligations > AWAY_OWED_MIN
            assert service.stop() == 0
        finally:
            service.destroy()


@pytest.mark.long
async def test_a_broker_and_topics_that_come_later_are_waited_for(tmp_path: Path) -> None:
    """Started without any broker, then without topics: callbacks are taken, ``/readyz`` says what is missing."""
    broker = LocalKafka(tmp_path / "kafka", port=free_port(), controller=free_port())
    service = Service(tmp_path / "service", broker.bootstrap, "l.", forks=True)
    try:
        service.start()
        service.wait_ready()
        ledger = await load(service, 2, 20, nothing)
        said = service.readyz()
        assert said is not None
        assert (said["ready"], said["kafka"]["state"]) == (True, "down")
        broker.start()
        broker.wait_ready()
        await until_detail(service, "receiver.positions is missing")
        assert service.receiver("topics", "create").returncode == 0
        service.wait_published(len(ledger.owed))
        verdict(service, broker.bootstrap, "l.", ledger)
        assert service.stop() == 0
    finally:
        service.destroy()
        broker.kill()


async def until_detail(service: Service, text: str) -> None:
    """Wait until ``/readyz`` says of Kafka that it is down and why; it must be true within 30 s."""
    async with asyncio.timeout(30):
        while True:
            kafka = (service.readyz() or {}).get("kafka", {})
            if kafka.get("state") == "down" and text in kafka["detail"]:
                return
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_sigterm_under_load_commits_what_it_answered(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """Nothing new is taken, exit 0 in time; what was answered is published after the next start."""
    service.start()
    service.wait_ready()
    codes: list[int] = []

    async def restart(_ledger: Ledger) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            codes.append(await asyncio.to_thread(service.stop, 15))
            service.start()
            await asyncio.to_thread(service.wait_ready)

    ledger = await load(service, 4, 40, restart)
    service.wait_published(len(ledger.owed))
    assert codes == [0, 0, 0]
    verdict(service, kafka.bootstrap, prefix, ledger)
    assert service.kill("interpret", signal.SIGTERM)
    assert service.stop() == 0
