"""A release takes the place of the one before, service by service, on a journal that both use meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_local import LocalKafka

import receiver
from receiver.journal.postgres.schema import FORMAT
from tests.chaos.load import Load
from tests.chaos.postgres import Postgres, programs, reachable_folder
from tests.chaos.service import Service, until
from tests.chaos.several import Several, log_lines

pytestmark = [pytest.mark.kafka, pytest.mark.long(seconds=40), pytest.mark.timeout(900)]

MIGRATION = """-- What the next release adds, as a release may: a table, and a column that those before it do not name.
CREATE TABLE of_the_next_release (number bigint PRIMARY KEY);
ALTER TABLE callbacks ADD COLUMN of_the_next_release text;
"""
BUSY = {"ReadTimeout", "ConnectTimeout", "PoolTimeout"}
"""What a machine that has a lot to do makes of a load; the attempt is repeated, and nobody was refused."""


@pytest.fixture
def several(kafka: LocalKafka, prefix: str, tmp_path: Path) -> Iterator[Several]:
    """One service of this release that takes callbacks, and one worker; both of them run."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("PostgreSQL 14 or newer is needed: on Debian the package postgresql")
    with (
        reachable_folder() as folder,
        Postgres(bin_, folder / "database") as postgres,
    ):
        postgres.make()
        postgres.start()
        with Several(tmp_path, postgres, kafka.bootstrap, prefix, intakes=(1,), workers=1, forks=True) as made:
            assert made.workers[0].receiver("topics", "create").returncode == 0
            made.start()
            yield made


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A folder with the next release: this code, and one migration more."""
    package = tmp_path / "next" / "receiver"
    shutil.copytree(Path(receiver.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    sql = package / "journal" / "postgres" / "sql"
    (sql / f"{FORMAT + 1:04}_next.sql").write_text(MIGRATION)
    return package.parent


def of_next(service: Service, release: Path) -> Service:
    """The same service of the next release."""
    service.environ["PYTHONPATH"] = str(release)
    service.other_code = True
    return service


def init(service: Service) -> str:
    """What ``receiver journal init`` of a service's release says."""
    command = [sys.executable, "-m", "receiver", "journal", "init", "--config", str(service.config)]
    done = subprocess.run(
        command, env=service.environ, cwd=service.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def killed_and_back(worker: Service, role: str) -> None:
    """Have one of its processes die, and wait until it is there again and has a slot's state to tell."""
    before = worker.child(role)
    assert worker.kill(role)
    until(lambda: worker.child(role) not in {before, None})
    until(lambda: all(slot["kafka"] == "up" for slot in (worker.readyz() or {"slots": []})["slots"]))


async def test_no_callback_is_refused_while_a_release_takes_the_place_of_another(
    several: Several, next_release: Path
) -> None:
    """As the runbook has it: the tables, then those that take callbacks, then the workers; old and new side by side."""
    (old_intake,), (old_worker,) = several.intakes, several.workers
    new_intake, new_worker = (of_next(one, next_release) for one in several.one_more_each())
    sending = Load(old_intake.url, 20, 5)
    task = asyncio.create_task(sending.run())
    await asyncio.sleep(1)

    said = await asyncio.to_thread(init, new_intake)
    assert f"was of format {FORMAT} and has format {FORMAT + 1} now" in said
    refused = await asyncio.to_thread(old_worker.receiver, "serve")
    assert refused.returncode == 1
    assert f"this release reads up to {FORMAT}: go on with the release that made it" in refused.stderr
    for role in ("interpret", "publish"):  # a process of the old release may die at any time, now too
        await asyncio.to_thread(killed_and_back, old_worker, role)
    new_intake.start()
    await asyncio.to_thread(new_intake.wait_ready, 120)
    sending.go_to(old_intake.url, new_intake.url)
    await asyncio.sleep(2)
    sending.go_to(new_intake.url)
    while sending.attempts[old_intake.url]:  # as a proxy does, which knows what is under way to a server
        await asyncio.sleep(0.05)
    assert await asyncio.to_thread(old_intake.stop, 60) == 0
    new_worker.start()
    await asyncio.to_thread(until, lambda: log_lines(new_worker, "slot.taken"), 120)
    await asyncio.sleep(1)
    assert await asyncio.to_thread(old_worker.stop, 60) == 0
    await asyncio.to_thread(until, lambda: len(log_lines(new_worker, "slot.taken")) >= 2, 120)
    await asyncio.sleep(1)
    sending.stop()
    ledger = await asyncio.wait_for(task, 120)

    assert set(ledger.answers) - BUSY == {"200"}, ledger.answers
    await asyncio.to_thread(several.wait_published)
    found = several.judge(ledger)
    assert found.faults == 0, "\n".join(found.lines())
    assert found.events == len(ledger.owed) > 0
