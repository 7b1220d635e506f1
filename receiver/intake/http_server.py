"""The HTTP server: uvicorn, with the limits that its httptools protocol lacks.

Measured: uvicorn with httptools takes 20 MB in one header, or 200 000 headers, before the application runs, and waits
for ever for a request that does not end. ``LimitedProtocol`` bounds the raw header section, the number of fields and
the time a request may take to arrive. The exact limits that a caller can rely on are ``admit``'s; the bounds here lie
above them and only keep memory small. What is relied on of uvicorn's internals is checked by a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RAW_HEADER_BYTES_MAX = 64 * 1024
"""Request line and headers as they come; a request at ``admit``'s 32 KiB with the longest sensible line fits in."""
RAW_FIELDS_MAX = 200
ARRIVAL_S_MAX = 20.0
"""For a request to arrive whole, and for a new connection to begin one; then it is closed."""
SWEEP_S = 1.0
LINGER_S = 1.0
CONNECTIONS_MAX = 4096
"""Open at once; a further one is closed at once, and comes again as any that was lost."""
TOO_LARGE = b'{"error": "headers_too_large"}'
ANSWER_431 = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(TOO_LARGE), TOO_LARGE)
)


class HeadersOverflow(Exception):
    """Raised inside the parser's callback to make it stop."""


class Together:
    """A connection's transport, on which the head of an answer waits for its body: one system call for both.

    Counted: uvicorn makes two system calls for an answer of two bytes, and the caller reads twice.
    """

    __slots__ = ("_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        """Nothing: nobody here asks who calls, and finding out costs each new connection system calls."""
        return default

    def write(self, data: bytes) -> None:
        """Write, or wait for what follows."""
        if not self._head and data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def flush(self) -> None:
        """Write a head that no body followed."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Write what waits, and say that no more comes."""
        self.flush()
        self._transport.write_eof()


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on what it takes before the application runs."""

    arriving_since: float | None = None
    """Loop time since which a request has been arriving; None while none is."""
    _section_bytes: int = 0
    _in_headers: bool = True
    _overflow: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(Together(transport))  # type: ignore[arg-type]
        self.arriving_since = self.loop.time()
        if len(self.connections) > CONNECTIONS_MAX:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse a header section that does not end."""
        if self._overflow:
            return
        if self._in_headers:
            self._section_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._section_bytes > RAW_HEADER_BYTES_MAX and not self._overflow:
            self._overflow = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._in_headers = True
        self._section_bytes = 0
        self.arriving_since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field, or a trailer of a chunked body, is complete."""
        if len(self.headers) >= RAW_FIELDS_MAX:
            self._overflow = True
            raise HeadersOverflow
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application may begin; trailers go to a list of their own, which nobody reads."""
        self._in_headers = False
        super().on_headers_complete()
        self.headers = []

    def on_message_complete(self) -> None:
        """The request has arrived whole."""
        self.arriving_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole; to HEAD it has no body."""
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser's own 400, or 431 where it stopped at a limit."""
        if not self._overflow:
            super().send_400_response(msg)
        elif not self.transport.is_closing():
            self.transport.write(ANSWER_431)
            if self.transport.can_write_eof():
                self.transport.write_eof()
            # Closing at once would make the kernel send a reset, which can take the answer away from a caller that is
            # still sending; what it sends until then is thrown away unparsed.
            self.loop.call_later(LINGER_S, self.transport.close)


class HttpServer(Server):
    """A uvicorn server on a socket that is already bound, stopped by ``stop`` and not by signals."""

    def __init__(self, app: ASGIApp, listener: socket.socket, *, keep_alive_s: int, shutdown_timeout_s: float) -> None:
        super().__init__(
            Config(
                app,
                http=LimitedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=max(1, int(shutdown_timeout_s)),
            )
        )
        self._listener = listener

    async def run_until_stopped(self) -> None:
        """Serve until ``stop``, then let the requests under way end."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self.serve(sockets=[self._listener])
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    def stop(self) -> None:
        """Close the listener, answer what has arrived, return."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs this process."""
        yield

    async def _sweep(self) -> None:
        # One look a second over all connections costs nothing per request, unlike a timer for each.
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            limit = loop.time() - ARRIVAL_S_MAX
            stuck: list[Any] = [
                connection
                for connection in self.server_state.connections
                if (since := getattr(connection, "arriving_since", None)) is not None and since < limit
            ]
            for connection in stuck:
                connection.transport.close()
