"""``receiver journal`` on real stores and a real broker: backups, older copies, lost records, lost memories."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from confluent_kafka.admin import AdminClient
from kafka_local import LocalKafka, running

from tests.chaos.load import Ledger, Load
from tests.chaos.oracle import committed, judge
from tests.chaos.service import POLL_S, Service
from tests.ports import free_port

pytestmark = pytest.mark.kafka
SOUND = f"{os.environ.get('PYTEST_XDIST_WORKER', '')}sound."
"""The prefix of the topics of the journal that several tests look at."""


@pytest.fixture
def service(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[Service]:
    """A running service whose topics exist."""
    with Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as made:
        assert made.receiver("topics", "create").returncode == 0
        made.start()
        made.wait_ready()
        yield made


def send(service: Service, seed: int, seconds: float = 1.5) -> Ledger:
    """Some traffic, all answered 200."""

    async def run() -> Ledger:
        load = Load(service.url, 40, seed)
        task = asyncio.create_task(load.run())
        await asyncio.sleep(seconds)
        load.stop()
        return await task

    return asyncio.run(run())


def drained(service: Service, state: str = "up", timeout_s: float = 120) -> dict[str, Any]:
    """Wait until Kafka's state is this, and nothing is uninterpreted (and, when up, nothing is unpublished)."""
    deadline, said = time.monotonic() + timeout_s, None
    while time.monotonic() < deadline:
        said = service.readyz()
        settled = said and said["kafka"]["state"] == state and said["interpret"]["uninterpreted"] == 0
        if said and settled and (state != "up" or said["kafka"]["backlog"] == 0):
            return said
        time.sleep(POLL_S)
    raise AssertionError(f"not {state}: {said}\n{service.tail_of_log()}")


def merged(*ledgers: Ledger) -> Ledger:
    """All that is owed."""
    whole = Ledger()
    for ledger in ledgers:
        whole.owed |= ledger.owed
        whole.sent |= ledger.sent
    return whole


def judged(kafka: LocalKafka, prefix: str, ledger: Ledger, journal: Path | None = None) -> None:
    """The independent consumer's verdict."""
    verdict = judge(ledger, committed(kafka.bootstrap, f"{prefix}exchange.status.v1"), journal)
    assert verdict.faults == 0, "\n".join(verdict.lines())


def restore(service: Service, backup: Path) -> None:
    """Put a backup in the journal's place."""
    shutil.rmtree(service.folder / "journal")
    shutil.copytree(backup, service.folder / "journal")


@dataclass(frozen=True)
class Sound:
    """A running service whose traffic is published, with what is owed, and a backup of its journal."""

    service: Service
    ledger: Ledger
    backup: Path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, kafka: LocalKafka) -> Iterator[Sound]:
    """What several tests look at, each at a copy if it changes anything."""
    folder = tmp_path_factory.mktemp("sound")
    with Service(folder / "service", kafka.bootstrap, SOUND, forks=True) as made:
        assert made.receiver("topics", "create").returncode == 0
        made.start()
        made.wait_ready()
        ledger = send(made, 1)
        drained(made)
        done = made.receiver("journal", "backup", str(folder / "backup"))
        assert done.returncode == 0, done.stderr
        yield Sound(made, ledger, folder / "backup")


def test_a_sound_journal_is_said_to_be_sound(sound: Sound) -> None:
    """Stores, accounts, sequences, and the position against Kafka; figures agree."""
    service = sound.service
    checked = service.receiver("journal", "check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["faults"] == []
    assert "up to" in json.loads(checked.stdout)["kafka"]
    stats = json.loads(service.receiver("journal", "stats", "--json").stdout)
    assert stats["last_record"] == stats["published_to"] == len(sound.ledger.owed)
    assert stats["callbacks"] == stats["interpreted_to"] == stats["outcome_event"] + stats.get("outcome_duplicate", 0)
    assert "fit: nothing to do" in service.receiver("journal", "rejoin", "--yes").stderr


@pytest.mark.parametrize(
    ("store", "damage", "says"),
    [
        ("outbox", "DELETE FROM outcomes WHERE number = 5", "callback 5 counts as interpreted, and became nothing"),
        ("outbox", "DELETE FROM records WHERE number = 7", "became record 7, which is not there"),
        ("outbox", "UPDATE records SET value = replace(value, '\"sequence\":1', '\"sequence\":9') WHERE number = 1",
         "goes from sequence 0 to 9"),
        ("inbox", "UPDATE meta SET value = 'another' WHERE key = 'journal_id'", "belong to different journals"),
    ],
)  # fmt: skip
def test_each_damage_is_found_and_named(
    sound: Sound, kafka: LocalKafka, tmp_path: Path, store: str, damage: str, says: str
) -> None:
    """Exit 1, with what is wrong; the same journal without the damage is sound."""
    with Service(tmp_path / "service", kafka.bootstrap, SOUND, forks=True) as damaged:
        shutil.copytree(sound.backup, damaged.folder / "journal")
        assert damaged.receiver("journal", "check").returncode == 0
        connection = apsw.Connection(str(damaged.folder / "journal" / f"{store}.db"))
        connection.execute(damage)
        connection.close()
        checked = damaged.receiver("journal", "check")
        said = checked.stdout + checked.stderr
        assert (checked.returncode, says in said) == (1, True), said


@pytest.mark.long
def test_a_backup_under_load_is_consistent_and_rejoins_what_came_after_it(
    service: Service, kafka: LocalKafka, prefix: str, tmp_path: Path
) -> None:
    """Restored, the relay stops aloud; ``rejoin`` takes over what Kafka has, and new callbacks go on in sequence."""
    before = send(service, 3)

    async def while_loaded() -> Ledger:
        load = Load(service.url, 40, 4)
        task = asyncio.create_task(load.run())
        await asyncio.sleep(1)
        done = await asyncio.to_thread(service.receiver, "journal", "backup", str(tmp_path / "backup"))
        assert done.returncode == 0, done.stderr
        await asyncio.sleep(1)
        load.stop()
        return await task

    during = asyncio.run(while_loaded())
    drained(service)
    assert service.stop() == 0
    assert service.receiver("journal", "backup", str(tmp_path / "backup")).returncode == 1
    restore(service, tmp_path / "backup")
    service.start()
    service.wait_ready()
    after = send(service, 5)
    said = drained(service, "stopped")
    # Which of the two it is depends on how far the restored outbox has come by the look that is shown.
    older, other = "older copy of the journal was restored", "these are different histories"
    assert older in said["kafka"]["detail"] or other in said["kafka"]["detail"]
    assert said["ready"]
    assert service.receiver("journal", "check").returncode == 1
    refused = service.receiver("journal", "rejoin")
    assert refused.returncode == 130
    assert "taken over from Kafka" in refused.stdout
    mended = service.receiver("journal", "rejoin", "--yes")
    assert mended.returncode == 0, mended.stderr
    drained(service)
    judged(kafka, prefix, merged(before, during, after))
    checked = service.receiver("journal", "check")
    assert checked.returncode == 0, checked.stdout
    assert service.stop() == 0


@pytest.mark.long
def test_what_is_sent_again_after_a_restore_is_still_one_event(
    service: Service, kafka: LocalKafka, prefix: str, tmp_path: Path
) -> None:
    """The provider repeats callbacks that the restored journal never had: Kafka's events make them duplicates."""
    before = send(service, 6)
    assert service.receiver("journal", "backup", str(tmp_path / "backup")).returncode == 0
    lost = send(service, 7)
    drained(service)
    assert service.stop() == 0
    restore(service, tmp_path / "backup")
    service.start()
    service.wait_ready()
    again = list(lost.owed.values())
    random.Random(1).shuffle(again)
    resent = asyncio.run(_resend(service, again))
    drained(service, "stopped")
    assert service.receiver("journal", "rejoin", "--yes").returncode == 0
    drained(service)
    assert resent == len(lost.owed)
    judged(kafka, prefix, merged(before, lost))
    assert service.receiver("journal", "check").returncode == 0


async def _resend(service: Service, callbacks: list[Any]) -> int:
    async with httpx.AsyncClient() as client:
        answers = [
            await client.post(f"{service.url}/{one.source}", content=one.body, headers=one.headers(int(time.time())))
            for one in callbacks
        ]
    return sum(answer.status_code == 200 for answer in answers)


@pytest.mark.long
def test_a_deleted_positions_topic_stops_and_rejoins_without_repeating(
    service: Service, kafka: LocalKafka, prefix: str
) -> None:
    """The records are there, the memory is not: it is written again."""
    before = send(service, 8)
    drained(service)
    assert service.stop() == 0
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([f"{prefix}receiver.positions"])[f"{prefix}receiver.positions"].result()
    time.sleep(1)
    assert service.receiver("topics", "create").returncode == 0
    service.start()
    service.wait_ready()
    after = send(service, 9)
    assert "remembers nothing of this journal" in drained(service, "stopped")["kafka"]["detail"]
    assert service.receiver("journal", "rejoin", "--yes").returncode == 0
    drained(service)
    judged(kafka, prefix, merged(before, after), service.folder / "journal")


def test_a_deleted_journal_is_a_new_one_and_skips_nothing(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """A new id, so Kafka's memory of the old one says nothing about it."""
    before = send(service, 10)
    drained(service)
    assert service.stop() == 0
    shutil.rmtree(service.folder / "journal")
    service.start()
    service.wait_ready()
    after = send(service, 11)
    drained(service)
    judged(kafka, prefix, merged(before, after))


@pytest.mark.long
def test_a_new_cluster_goes_on_where_the_old_one_stood(
    service: Service, kafka: LocalKafka, prefix: str, tmp_path: Path
) -> None:
    """Nothing is published twice or skipped; the log says so."""
    before = send(service, 12)
    drained(service)
    assert service.stop() == 0
    with running(
        tmp_path / "other", port=free_port(), controller=free_port(), cluster_id="b3RoZXJrYWZrYWNsdXN0ZQ"
    ) as other:
        service.config.write_text(service.config.read_text().replace(kafka.bootstrap, other.bootstrap))
        assert service.receiver("topics", "create").returncode == 0
        service.start()
        service.wait_ready()
        after = send(service, 13)
        drained(service)
        judged(other, prefix, after)
        assert "going on after record" in service.log.read_text()
        assert service.stop() == 0
    judged(kafka, prefix, before)
