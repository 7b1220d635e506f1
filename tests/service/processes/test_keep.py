"""The keep process on a journal of files: what is old goes, and it ends when it is told to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from receiver.journal import retention
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.private import make_folder
from receiver.model.callback import RawCallback
from receiver.model.times import DAY_US
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from receiver.service.processes import keep
from receiver.service.system_clock import SystemClock
from tests.support import Lines

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


async def test_old_samples_go_at_once_and_it_ends_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All stores are given back then: another may open the inbox to write."""
    monkeypatch.setattr(retention, "ROUND_S", 0.01)
    folder = tmp_path / "journal"
    make_folder(folder)
    journal = open_journal(folder)
    rejects = journal.rejects(write=True)
    old_us = SystemClock().now_us() - 40 * DAY_US
    rejects.add(RawCallback("swaps", old_us, (), b"x"), "signature", 10)
    assert len(rejects.newest(10)) == 1
    settings = build({"journal": {"url": f"sqlite:{folder}"}, "sources": [SOURCE]}, "here")
    log = Lines()
    process = keep.make(ProcessContext(settings, {}, journal, log))
    running = asyncio.create_task(process.run())
    async with asyncio.timeout(60):
        while not log.named("rejects.purged"):
            await asyncio.sleep(0.01)
    assert b"receiver_keeper 1.0" in process.metrics()
    assert process.status() == {}
    process.stop()
    await asyncio.wait_for(running, 60)
    rejects.close()
    inbox = journal.inbox_writer(InboxLimits())
    await asyncio.to_thread(inbox.close)


async def test_it_ends_where_one_of_its_works_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a bug of ours: it is started again then, and does not keep the lease for doing nothing."""

    async def broken(_: retention.PartsAhead) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(retention.PartsAhead, "run", broken)
    folder = tmp_path / "journal"
    make_folder(folder)
    settings = build({"journal": {"url": f"sqlite:{folder}"}, "sources": [SOURCE]}, "here")
    process = keep.make(ProcessContext(settings, {}, open_journal(folder), Lines()))
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(process.run(), 60)
