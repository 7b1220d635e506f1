"""A running server, raw conversations with it, and what it counted and logged."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

from receiver.intake.http_server import HttpServer
from receiver.intake.limits import Limits
from receiver.intake.notices import BoundedNotices
from tests.support import NOW_S, OXPAY_VECTORS, Way

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()
PATH = b"/webhooks/0xpay-main"

SEND_BYTES = 8192
"""Of answers that the system holds for a caller that does not read; its own default takes a minute to fill."""


SILENT_S = 60
"""Then a conversation is over, though nobody has closed it: a server that is late is not silent."""


class Door:
    """A running server, and raw conversations with it."""

    def __init__(self, way: Way, server: HttpServer, listener: socket.socket) -> None:
        self.way = way
        self.server = server
        self.port: int = listener.getsockname()[1]

    def count(self, name: str, **labels: str) -> float | None:
        """A number of the intake's metrics."""
        return self.way.intake.metrics.registry.get_sample_value(name, labels)

    def named(self, why: str) -> list[dict[str, Any]]:
        """The log's lines about what never reached the application, for one reason."""
        lines = self.way.log.named("http.refused") + self.way.log.named("connection.refused")
        return [line for line in lines if line["why"] == why]

    def signed(self, body: bytes = BODY) -> bytes:
        """The signature headers' lines for a body."""
        provider, source = self.way.intake.sources["0xpay-main"]
        return b"".join(b"%s: %s\r\n" % pair for pair in provider.sign(body, source, NOW_S))

    async def say(self, *pieces: bytes, pause_s: float = 0.0, half_close: bool = False) -> bytes:
        """Send pieces on one connection, and give all that comes back until it closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
                if half_close:
                    writer.write_eof()
            said = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while piece := await asyncio.wait_for(reader.read(65536), SILENT_S):
                    said += piece
            return said
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def post(headers: bytes, body: bytes = b"", path: bytes = PATH) -> bytes:
    """A whole request with its length declared; it asks for the connection to be closed."""
    length = b"content-length: %d\r\nconnection: close\r\n" % len(body)
    return b"POST %s HTTP/1.1\r\nhost: x\r\n%s%s\r\n%s" % (path, headers, length, body)


def statuses(said: bytes) -> list[int]:
    """The status codes in a conversation, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


@contextlib.asynccontextmanager
async def open_door(way: Way, **limits: Any) -> AsyncIterator[Door]:
    """The application on a real socket; ``limits`` are fields of ``Limits``."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    notices = BoundedNotices(way.intake.metrics, way.clock, way.log)
    held_to = Limits(**({"keep_alive_s": 1} | limits))
    server = HttpServer(way.app, listener, shutdown_timeout_s=1, limits=held_to, notices=notices)
    running = asyncio.create_task(server.run_until_stopped())
    yield Door(way, server, listener)
    server.stop()
    await asyncio.wait_for(running, 60)
