"""The intake process on a journal in memory: what it knows when it starts, and what a source may bring."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from receiver.model.callback import VerifiedCallback
from receiver.model.errors import StoreFailed
from receiver.providers.contract import Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from receiver.service.processes.intake import make
from tests.support import ONCHAINPAY_VECTORS, Way

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
SIGNING = Source("swaps", "onchainpay", None, keys={b"p": (b"s",)})


def swap(identity: str) -> bytes:
    """The body of a swap."""
    return json.dumps(ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"] | {"id": identity}).encode()


@asynccontextmanager
async def running(way: Way, **source: Any) -> AsyncIterator[str]:
    """An intake process on the way's journal, and the URL of its source."""
    settings = build({"journal": {"url": "sqlite:/nowhere/journal"}, "sources": [SOURCE | source]}, "here")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        context = ProcessContext(settings, {"P": "p", "S": "s"}, way.journal, way.log, listener=listener)
        process = make(context)
        task = asyncio.create_task(process.run())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/swaps"
        finally:
            process.stop()
            await asyncio.wait_for(task, 60)


async def post(url: str, *bodies: bytes) -> Sequence[int]:
    """The answers' status codes."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return [
            (await client.post(url, content=body, headers=list(onchainpay.PROVIDER.sign(body, SIGNING, 0)))).status_code
            for body in bodies
        ]


async def test_what_the_inbox_holds_is_not_stored_again_after_a_start() -> None:
    """Nor what came since."""
    way = Way()
    await way.inbox.append(VerifiedCallback("swaps", 1, (), swap("before")))
    async with running(way) as url:
        assert await post(url, swap("before"), swap("new"), swap("new")) == [200, 200, 200]
    assert [entry.callback.body for entry in way.inbox.entries] == [swap("before"), swap("new")]


async def test_a_start_needs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is not known, and callbacks are taken all the same."""
    way = Way()
    await way.inbox.append(VerifiedCallback("swaps", 1, (), swap("before")))

    def fail(number: int, limit: int) -> Any:
        raise StoreFailed("inbox: a bad sector")

    monkeypatch.setattr(way.inbox, "bodies_below", fail)
    async with running(way) as url:
        assert await post(url, swap("before")) == [200]
    assert len(way.inbox.entries) == 2
    assert way.log.named("intake.repeats_unknown") == [{"why": "inbox: a bad sector"}]


async def test_a_source_may_have_a_limit() -> None:
    """In the configuration; above it a callback is not stored."""
    way = Way()
    async with running(way, rate_per_s=0.001) as url:
        assert await post(url, swap("one"), swap("two"), swap("one")) == [200, 503, 200]
    assert len(way.inbox.entries) == 1


async def test_what_a_server_lost_is_said_once_with_where_it_begins() -> None:
    """And again where another failover loses more: the operator looks in Kafka for what is above that number."""
    way = Way()
    settings = build({"journal": {"url": "sqlite:/nowhere/journal"}, "sources": [SOURCE]}, "here")
    figures = way.inbox.figures()
    way.inbox.figures = lambda: figures  # type: ignore[method-assign]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        process = make(ProcessContext(settings, {"P": "p", "S": "s"}, way.journal, way.log, listener=listener))
        task = asyncio.create_task(process.run())
        while process.status()["detail"] == "starting":
            await asyncio.sleep(0.01)
        process.status()
        assert way.log.named("inbox.lost") == []
        for number in (7, 7, 9):
            figures = replace(figures, lost_after=number)
            process.status()
            process.status()
        figures = replace(figures, unsafe_commits=3)
        told = process.metrics().decode()
        process.stop()
        await asyncio.wait_for(task, 60)
    assert way.log.named("inbox.lost") == [{"after": 7}, {"after": 9}]
    assert {level for level, event, _ in way.log.lines if event == "inbox.lost"} == {"error"}
    assert "receiver_inbox_lost_total 2.0" in told
    assert "receiver_inbox_unsafe_commits_total 3.0" in told
