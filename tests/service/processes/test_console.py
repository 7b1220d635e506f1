"""The console's process: it answers, it makes the index, and what goes wrong with that ends nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from receiver.console.desk import Service
from receiver.console.refusals import METRIC
from receiver.console.rules import AccessRules
from receiver.journal.memory.journal import MemoryJournal
from receiver.model.errors import ConfigurationError, StoreFailed
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from receiver.service.processes.console import ConsoleProcess, make
from tests.console.seeded import browser, seeded
from tests.operate.desk import context_of, exchange
from tests.support import Lines, Way

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


async def test_it_answers_and_makes_the_index_until_it_is_stopped(listener: socket.socket) -> None:
    """A tail that is followed meanwhile does not keep it."""
    way = Way()
    await way.events("0xpay-main", [exchange("found")])
    desk = replace(browser(way=seeded(empty=True)).desk, context=context_of(way))
    part = ConsoleProcess(desk, AccessRules(), listener, way.journal)
    running = asyncio.create_task(part.run())
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, follow_redirects=True) as client:
        while not way.journal.index().indexed().whole:
            await asyncio.sleep(0.01)
        assert "found" in (await client.get("/search?q=found")).text
        async with client.stream("GET", "/live/events") as tail:
            assert tail.headers["content-type"].startswith("text/event-stream")
            assert set(part.status()) == {"listeners"}
            part.stop()
            async for _ in tail.aiter_bytes():
                pass
    await running
    assert b"receiver_console_page_seconds_count 2.0" in part.metrics()


async def test_what_is_refused_is_counted_while_it_runs(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By looks at the service's own counters; a service that does not answer is asked again."""
    monkeypatch.setattr("receiver.service.processes.console.LOOK_S", 0.001)
    answers = iter([None, *(Service({}, {(METRIC, "401,swaps"): float(refused)}) for refused in (3, 3, 8))])
    last = Service({}, {(METRIC, "401,swaps"): 8.0})
    desk = replace(browser(way=seeded(empty=True)).desk, service=lambda: next(answers, last))
    part = ConsoleProcess(desk, AccessRules(), listener, None)
    running = asyncio.create_task(part.run())
    first_us = desk.context.clock.now_us() // 60_000_000 * 60_000_000
    while not desk.refusals.lines(first_us):
        await asyncio.sleep(0.01)
    part.stop()
    await running
    assert [(one.source, one.answer, sum(one.points)) for one in desk.refusals.lines(first_us)] == [("swaps", "401", 5)]


async def test_an_index_that_cannot_be_written_is_said_and_tried_again(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages go on meanwhile."""
    way = Way()
    tried = 0

    def refuse(self: MemoryJournal, mask_body: object) -> object:
        nonlocal tried
        tried += 1
        raise StoreFailed("disk full")

    monkeypatch.setattr(MemoryJournal, "index_writer", refuse)
    desk = replace(browser(way=seeded(empty=True)).desk, context=context_of(way))
    part = ConsoleProcess(desk, AccessRules(), listener, way.journal)
    running = asyncio.create_task(part.run())
    while tried < 2:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        assert (await client.get("/")).status_code == 200
    part.stop()
    await running
    assert way.log.named("console.index_refused")[0] == {"why": "disk full"}


async def test_secrets_are_read_again_and_kept_where_they_cannot_be(listener: socket.socket) -> None:
    """A changed token ends the sessions that it began; one that is gone changes nothing."""
    journal = Way().journal
    settings = build({"sources": [SOURCE], "console": {"token": "env:TOKEN"}}, "here")
    environ = {"KEY": "k" * 16, "TOKEN": "the-first-token-here"}
    part = make(ProcessContext(settings, environ, journal, Lines(), listener=listener))
    running = asyncio.create_task(part.run())

    async def status(token: str) -> int:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with httpx.AsyncClient() as client:
            return (await client.get(url, headers={"authorization": f"Bearer {token}"})).status_code

    assert await status("the-first-token-here") == 200
    with pytest.raises(ConfigurationError, match="TOKEN"):
        part.reload({"KEY": "k" * 16})
    assert await status("the-first-token-here") == 200
    part.reload(environ | {"TOKEN": "the-second-token-here"})
    assert (await status("the-first-token-here"), await status("the-second-token-here")) == (401, 200)
    part.stop()
    await running
