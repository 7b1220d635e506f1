"""`docs/operate/restore.sh`: a backup of a running service, restored on another machine, joined with Kafka."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kafka_local import LocalKafka

from tests.chaos.load import Load
from tests.chaos.oracle import committed, judge
from tests.chaos.service import Service, until
from tests.whole_service.starting import SCRIPT

RESTORE = Path(__file__).parents[2] / "docs" / "operate" / "restore.sh"
AFTER = 60
"""Callbacks that are answered after the backup, at least: they are in no journal any more."""


def restore(new: Service, backup: Path, start: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script as a person does, with yes to all."""
    environ = {**new.environ, "RECEIVER": str(SCRIPT), "START": start, "YES": "1"}
    command = ["sh", str(RESTORE), str(backup), str(new.folder / "journal"), str(new.config)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.kafka
@pytest.mark.long(seconds=20)
def test_a_backup_is_restored_elsewhere_and_joined(tmp_path: Path, kafka: LocalKafka, prefix: str) -> None:
    """The machine is lost after the backup: no event is lost, repeated or out of order, and the service goes on."""
    with (
        Service(tmp_path / "old", kafka.bootstrap, prefix, forks=True) as old,
        Service(tmp_path / "new", kafka.bootstrap, prefix, forks=True) as new,
    ):
        assert old.receiver("topics", "create").returncode == 0
        old.start()
        old.wait_ready()
        load = Load(old.url, 60.0, seed=5)
        sending = threading.Thread(target=lambda: asyncio.run(load.run()))
        sending.start()
        try:
            until(lambda: len(load.ledger.owed) > AFTER)
            done = old.receiver("journal", "backup", str(tmp_path / "backup"))
            assert done.returncode == 0, done.stderr
            lost_from = len(load.ledger.owed)
            until(lambda: len(load.ledger.owed) > lost_from + AFTER)
        finally:
            load.stop()
            sending.join()
        old.wait_published()
        old.destroy()
        shutil.rmtree(old.folder / "journal")

        log = shlex.quote(str(new.log))
        serve = shlex.join([sys.executable, "-m", "receiver", "serve", "--config", str(new.config)])
        restored = restore(new, tmp_path / "backup", f"{serve} >>{log} 2>&1 & echo $! >{new.folder}/pid")
        try:
            assert restored.returncode == 0, restored.stdout + restored.stderr + new.tail_of_log()
            assert "restore: done" in restored.stderr
            for one in load.ledger.owed.values():  # its provider was answered 200, and says it again all the same
                assert new.post(one.source, one.body, one.headers(int(time.time()))) == 200
            until(lambda: new.published(len(load.ledger.owed)))
            verdict = judge(
                load.ledger, committed(kafka.bootstrap, f"{prefix}exchange.status.v1"), new.folder / "journal"
            )
            assert not verdict.faults, verdict.lines()
            assert new.receiver("journal", "check").returncode == 0
        finally:
            os.kill(int((new.folder / "pid").read_text()), 15)
            until(lambda: new.readyz() is None)


def test_a_journal_that_is_there_is_not_touched(service: Service, tmp_path: Path) -> None:
    """Nor is a backup taken that is not whole."""
    service.start()
    service.wait_ready()
    assert service.receiver("journal", "backup", str(tmp_path / "backup")).returncode == 0
    before = {path.name: path.stat().st_mtime_ns for path in (service.folder / "journal").glob("*.db")}
    done = restore(service, tmp_path / "backup")
    assert done.returncode == 1
    assert "nothing was touched" in done.stderr
    (tmp_path / "backup" / "outbox.db").unlink()
    done = restore(service, tmp_path / "backup")
    assert done.returncode == 1
    assert "no whole backup: it lacks outbox.db" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in (service.folder / "journal").glob("*.db")} == before
