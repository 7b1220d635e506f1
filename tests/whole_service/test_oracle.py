"""The oracle itself: builds that are broken on purpose must not pass it."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from kafka_local import LocalKafka

from tests.chaos.load import Load
from tests.chaos.oracle import Verdict, committed, judge
from tests.chaos.service import Service

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

ACKNOWLEDGES_BEFORE_COMMIT = """
import time
from receiver.journal.sqlite import inbox_writer as sqlite_inbox
commit = sqlite_inbox.SqliteInbox._commit
def late(self, callbacks):
    time.sleep(0.3)
    return commit(self, callbacks)
async def hasty(self, callback):
    self._queue.append((callback, self._loop.create_future()))
    self._plan()
    return 1
sqlite_inbox.SqliteInbox._commit = late
sqlite_inbox.SqliteInbox.append = hasty
"""
FORGETS_THE_POSITION = """
from receiver.model.records import NOTHING_PUBLISHED
from receiver.publish import position, relay
relay.start_of = lambda *_: position.Start(NOTHING_PUBLISHED)
"""
MOVES_THE_INBOX_POSITION_FIRST = """
import time
from receiver.journal.sqlite import outbox as sqlite_outbox
from receiver.model.records import OutboxBatch
commit = sqlite_outbox.SqliteOutbox.commit
def hasty(self, batch):
    commit(self, OutboxBatch(progress=batch.progress))
    time.sleep(0.3)
    batch.follows = None
    commit(self, batch)
sqlite_outbox.SqliteOutbox.commit = hasty
"""


def back(service: Service, victim: str, before: int | None, timeout_s: float = 30) -> None:
    """Wait until a killed process is there again and everything works: its next death is to interrupt its work."""
    deadline = time.monotonic() + timeout_s
    while service.child(victim) in {before, None} or not works(service.readyz()):
        assert time.monotonic() < deadline, service.tail_of_log()
        time.sleep(0.05)


def works(said: dict[str, Any] | None) -> bool:
    """Whether callbacks are taken and events published."""
    return said is not None and said["ready"] and said["kafka"]["state"] == "up"


async def judged(service: Service, kafka: LocalKafka, prefix: str, victim: str, drain_s: float) -> Verdict:
    """Load, kills of one process, and the verdict when all is published, or after a fair time to do so."""
    chance = random.Random(3)
    load = Load(service.url, 40, 3)
    sending = asyncio.create_task(load.run())
    for _ in range(6):
        await asyncio.sleep(chance.uniform(0.5, 1.2))
        before = service.child(victim)
        service.kill(victim)
        await asyncio.to_thread(back, service, victim, before)
    load.stop()
    ledger = await asyncio.wait_for(sending, 60)
    deadline = time.monotonic() + drain_s
    while not service.published(len(ledger.owed)) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    records = await asyncio.to_thread(committed, kafka.bootstrap, f"{prefix}exchange.status.v1")
    return judge(ledger, records, service.folder / "journal")


@pytest.mark.long
@pytest.mark.parametrize(
    ("build", "victim", "wrong"),
    [
        (ACKNOWLEDGES_BEFORE_COMMIT, "intake", "lost"),
        (FORGETS_THE_POSITION, "publish", "duplicated"),
        (MOVES_THE_INBOX_POSITION_FIRST, "interpret", "lost"),
        ("", "publish", None),
    ],
    ids=["acknowledge before commit", "forget the position", "move the inbox position first", "as it is"],
)
async def test_a_broken_build_is_found_out(
    tmp_path: Path, kafka: LocalKafka, prefix: str, build: str, victim: str, wrong: str | None
) -> None:
    """Each by what it breaks; the build as it is passes the same minute."""
    service = Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True)
    try:
        assert service.receiver("topics", "create").returncode == 0
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "sitecustomize.py").write_text(build)
        service.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "broken"), str(Path.cwd())])
        service.start()
        service.wait_ready()
        verdict = await judged(service, kafka, prefix, victim, 60 if wrong is None else 6)
        if wrong is None:
            assert verdict.faults == 0, "\n".join(verdict.lines())
        else:
            assert len(getattr(verdict, wrong)) > 0, "\n".join(verdict.lines())
    finally:
        service.destroy()
