"""Cost against history: journals that hold so many callbacks already, filled through the ports and not by HTTP."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from receiver.adapters.sqlite_inbox import Limits, SqliteInbox
from receiver.adapters.sqlite_journal import open_journal
from receiver.callback import VerifiedCallback
from tests.benchmarks.stage import requests_file

STEP = 20_000


def callbacks(path: Path) -> Iterator[VerifiedCallback]:
    """What the load would send, as the inbox holds it."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        head, _, body = data[at + 4 : at + 4 + size].partition(b"\r\n\r\n")
        at += 4 + size
        fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        headers = tuple((name, value) for name, _, value in fields)
        yield VerifiedCallback("main", time.time_ns() // 1000, headers, body)


def fill(folder: Path, count: int) -> None:
    """Make a journal of so many distinct callbacks, none interpreted."""
    open_journal(folder)
    for at in range(0, count, STEP):
        requests = folder.with_suffix(".requests")
        requests_file(requests, min(STEP, count - at))
        asyncio.run(_append(folder, requests))


async def _append(folder: Path, requests: Path) -> None:
    inbox = SqliteInbox(folder, Limits(queue_max=STEP))
    await asyncio.gather(*map(inbox.append, callbacks(requests)))
    await asyncio.to_thread(inbox.close)
