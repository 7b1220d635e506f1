"""Cost against history: journals that hold so many callbacks already, filled through the ports and not by HTTP."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback
from tests.benchmarks.stage import requests_file

STEP = 20_000


def callbacks(path: Path, age_s: int) -> Iterator[VerifiedCallback]:
    """What the load would send, as the inbox holds it ``age_s`` later."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        head, _, body = data[at + 4 : at + 4 + size].partition(b"\r\n\r\n")
        at += 4 + size
        fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        headers = tuple((name, value) for name, _, value in fields)
        yield VerifiedCallback("main", time.time_ns() // 1000 - age_s * 1_000_000, headers, body)


def fill(folder: Path, count: int, age_s: int = 0) -> None:
    """Add so many distinct callbacks to a journal, none interpreted; make it where there is none."""
    open_journal(folder)
    for at in range(0, count, STEP):
        requests = folder.with_suffix(".requests")
        requests_file(requests, min(STEP, count - at))
        asyncio.run(_append(folder, requests, age_s))


async def _append(folder: Path, requests: Path, age_s: int) -> None:
    inbox = SqliteInbox(folder, InboxLimits(queue_max=STEP))
    await asyncio.gather(*map(inbox.append, callbacks(requests, age_s)))
    await asyncio.to_thread(inbox.close)
