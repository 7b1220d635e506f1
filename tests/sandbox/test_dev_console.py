"""The console of a desk: on by itself, and no reason for a desk not to start."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from receiver.sandbox import dev_console
from receiver.sandbox.dev_console import DevConsole
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from tests.ports import free_port
from tests.support import Lines, Way

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}
ENVIRON = {"KEY": "k" * 16, "WRITE": "a-write-token-here"}


def made(port: int, **keys: object) -> DevConsole:
    """The console of a desk, on a port."""
    settings = build({"sources": [SOURCE], "console": {"port": port, **keys}}, "here")
    context = ProcessContext(settings, ENVIRON, Way().journal, Lines())
    return dev_console.dev_console(context, {"swaps": "http://127.0.0.1:1/webhooks/swaps"})


async def test_without_its_packages_the_desk_goes_on_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line."""
    monkeypatch.setattr(dev_console, "console_is_there", lambda: False)
    found = made(free_port())
    assert (found.part, found.play) == (None, None)
    assert found.line.startswith("no console: ")
    assert "pip install 'exchange-webhook-receiver[console]'" in found.line


async def test_where_its_address_is_taken_the_desk_goes_on_without_it() -> None:
    """Two desks on one machine differ in their ports, and need not in this one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = made(taken.getsockname()[1])
    assert found.part is None
    assert "console.host and .port" in found.line


@pytest.mark.parametrize("configured", [False, True])
async def test_a_token_is_made_up_for_changes_where_none_is_configured(configured: bool) -> None:  # noqa: FBT001
    """Another one for each run; a configured one is not printed."""
    keys = {"write": True, "write_token": "env:WRITE"} if configured else {}
    port = free_port()
    found = made(port, **keys)
    assert found.part is not None
    assert found.line.startswith(f"console http://127.0.0.1:{port}/")
    token = found.line.rpartition(" ")[2]
    assert (len(token) >= 16 and "http" not in token) is not configured
    running = asyncio.create_task(found.part.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        form = {"token": ENVIRON["WRITE"] if configured else token, "name": "ann", "next": "/simulator"}
        answer = await client.post("/login", data=form, headers={"sec-fetch-site": "same-origin"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/simulator")
        assert "may ask for changes" in (await client.get("/simulator")).text
    found.part.stop()
    await running
