"""The sender of the load: connections are kept as long as they are good, and what fails has the words of httpx."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.chaos.caller import KEPT_MAX, Caller
from tests.ports import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nOK"


class Server:
    """Answers each request alike, and counts the connections."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[tuple[list[str], bytes]] = []
        """The lines of each head, and its body."""
        self.writers: list[asyncio.StreamWriter] = []

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its caller leaves it or the answer is to be cut."""
        self.connections += 1
        self.writers.append(writer)
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                size = next(int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
                self.requests.append((lines, await reader.readexactly(size)))
                writer.write(self.answer)
                await writer.drain()
                if not self.answer.endswith(b"OK"):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def close(self) -> None:
        """Leave no connection open."""
        for writer in self.writers:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[Server, str]]:
    """A server, and where callbacks go."""
    made = Server(answer)
    async with await asyncio.start_server(made.speak, "127.0.0.1", 0) as listening:
        yield made, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/webhooks/swaps"
        await made.close()


async def test_a_request_arrives_as_it_was_made() -> None:
    """Path, host, headers and body; its status comes back, whatever it is."""
    async with serving(OK.replace(b"200", b"503") % b"") as (server, url), Caller(10) as caller:
        assert await caller.post(url, b"{}", {"x-signature": "abc"}) == 503
    ((lines, body),) = server.requests
    assert lines[0] == "POST /webhooks/swaps HTTP/1.1"
    assert {f"host: {httpx.URL(url).netloc.decode()}", "content-length: 2", "x-signature: abc"} <= set(lines)
    assert body == b"{}"


async def test_a_connection_is_kept_until_one_of_the_two_closes_it() -> None:
    """One after the other on one; never on one that its server has closed."""
    async with serving(OK % b"") as (server, url), Caller(10) as caller:
        for _ in range(3):
            assert await caller.post(url, b"{}", {}) == 200
        assert server.connections == 1
        server.writers[0].close()
        await server.writers[0].wait_closed()
        assert await caller.post(url, b"{}", {}) == 200
        assert server.connections == 2
        server.answer = OK % b"Connection: close\r\n"
        for _ in range(2):
            assert await caller.post(url, b"{}", {}) == 200
        assert server.connections == 3


async def test_many_at_once_wait_for_no_connection() -> None:
    """Each has one; of those a few are kept."""
    many = 3 * KEPT_MAX
    async with serving(OK % b"") as (server, url), Caller(10) as caller:
        assert await asyncio.gather(*(caller.post(url, b"{}", {}) for _ in range(many))) == [200] * many
        assert server.connections == many
        assert len(caller._kept) == KEPT_MAX


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_an_answer_that_is_not_whole_is_none(answer: bytes) -> None:
    """The provider does not know what became of its callback."""
    async with serving(answer) as (_, url), Caller(10) as caller:
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.post(url, b"{}", {})


async def test_nobody_there_and_nobody_who_answers() -> None:
    """By their names."""
    async with Caller(10) as caller:
        with pytest.raises(httpx.ConnectError):
            await caller.post(f"http://127.0.0.1:{free_port()}/webhooks/swaps", b"{}", {})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Caller(0.1) as caller:
            with pytest.raises(httpx.ReadTimeout):
                await caller.post(f"http://127.0.0.1:{silent.getsockname()[1]}/webhooks/swaps", b"{}", {})
