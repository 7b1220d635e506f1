"""A service whose journal is taken away from under it says so, answers 503, and begins no empty one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.journal.engines import find_journal
from tests.chaos.service import Service, until
from tests.whole_service.test_commands import SWAP


def inbox(service: Service) -> dict[str, Any]:
    """What ``/readyz`` says of the inbox."""
    said = service.readyz()
    assert said is not None
    assert said["ready"] is (said["inbox"]["state"] == "up")
    return dict(said["inbox"])


@pytest.fixture
def folder(service: Service) -> Path:
    """The journal's folder of a service that runs and has taken one callback."""
    service.start()
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    return next(service.folder.rglob("inbox.db")).parent


def test_a_deleted_journal_is_503_and_not_replaced_by_an_empty_one(service: Service, folder: Path) -> None:
    """From the first callback after it; nothing is acknowledged into files without a name."""
    for path in folder.glob("*.db*"):
        path.unlink()
    assert service.post_swap(SWAP | {"swapId": "second"}) == 503
    until(lambda: inbox(service)["state"] == "down")
    assert inbox(service)["detail"].startswith(f"files_gone: {folder}/inbox.db")
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [line for line in lines if line["event"] == "inbox.down"]
    service.stop()
    done = service.receiver("serve")
    assert done.returncode == 1
    assert "its stores are gone: restore a backup" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_moved_journal_that_is_put_back_goes_on(service: Service, folder: Path) -> None:
    """All that was acknowledged is there, and it is up by itself."""
    away = folder.with_name("away")
    folder.rename(away)
    until(lambda: inbox(service)["state"] == "down")
    assert service.post_swap(SWAP) == 503
    away.rename(folder)
    until(lambda: inbox(service)["state"] == "up")
    assert service.post_swap({**SWAP, "id": "swap-2"}) == 200
    assert service.stop() == 0
    numbers = [entry.number for entry in find_journal(f"sqlite:{folder}").inbox().read(0, 10)]
    assert numbers[0] == 1
    assert len(numbers) >= 2
    assert service.receiver("journal", "check").returncode == 0
