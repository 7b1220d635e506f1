"""A sender of requests that does little else: httpx takes twenty times as long for each, which is felt under load.

What fails is raised as httpx has it, so that a load counts it under the same words.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

KEPT_MAX = 16
"""Connections that wait for another request."""
KEPT_S_MAX = 5.0
"""For so long."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Caller:
    """Posts over HTTP/1.1, each request on a connection that was kept or on a new one, of which there is no bound."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._kept: list[tuple[str, float, Connection]] = []
        """Place, when it was kept, and the connection; the newest last."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._kept:
            _, writer = self._kept.pop()[2]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send one request; the status of its answer. Raises ``httpx.TransportError``."""
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = self._kept_to(parts.netloc) or await self._connect(parts.hostname, parts.port)
                try:
                    writer.write(_head(parts.netloc, parts.path, len(body), headers) + body)
                    status, stays = await _answer(reader)
                except BaseException:
                    writer.transport.abort()
                    raise
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time") from error
        except EOFError as error:
            raise httpx.RemoteProtocolError("closed before the answer was whole") from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        if stays and len(self._kept) < KEPT_MAX:
            self._kept.append((parts.netloc, time.monotonic(), (reader, writer)))
        else:
            writer.close()
        return status

    async def _connect(self, host: str | None, port: int | None) -> Connection:
        try:
            return await asyncio.open_connection(host, port)
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error

    def _kept_to(self, place: str) -> Connection | None:
        """The newest that was kept to that place, and that its server has not closed."""
        since_s = time.monotonic() - KEPT_S_MAX
        for at in range(len(self._kept) - 1, -1, -1):
            to, kept_s, (reader, writer) = self._kept[at]
            if to == place or kept_s < since_s:
                del self._kept[at]
                if to == place and kept_s >= since_s and not _speaks(writer):
                    return reader, writer
                writer.close()
        return None


def _speaks(writer: asyncio.StreamWriter) -> bool:
    """Whether something came on a connection on which nothing was asked: its end, or it is broken."""
    if writer.is_closing():
        return True
    readable = select.poll()
    readable.register(writer.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(readable.poll(0))


def _head(place: str, path: str, size: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"host: {place}", "accept: */*", f"content-length: {size}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "\r\n"]).encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one to its end; its status, and whether the connection takes another request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), headers.get("connection") != "close"
