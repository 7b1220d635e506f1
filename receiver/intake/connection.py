"""One connection of a caller: uvicorn's httptools protocol, with limits that it lacks and HTTP/1.1 that it cuts.

Limits. Measured: uvicorn with httptools takes 20 MB in one header, or 200 000 headers, before the application runs, and
waits for ever for a request that does not end. Bounded here are the raw header section, the number of fields and the
time a request may take to arrive. The exact limits that a caller can rely on are ``admit``'s; those here lie above them
and only keep memory small.

An offered upgrade. A server may ignore ``Upgrade`` (RFC 9110, 7.8), and this one does: Java's client offers ``h2c``
with every request, and a proxy's websocket template offers ``websocket``. httptools takes the offer for accepted, skips
the body and ends the message. So a second parser is given the framing of that message again, reads the body with it,
and stays for the rest of the connection (uvicorn's discussion #2722).

A caller that says it will send no more (``shutdown(SHUT_WR)``, RFC 9112, 9.6) gets the answers to what has arrived
whole; asyncio would close at once (uvicorn's #1264). So does a caller whose next request is malformed: the 400 comes
after the answers to those before.

What is relied on of uvicorn's and httptools' insides is checked by tests.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NoReturn, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.intake import wrong_protocol

RAW_HEADER_BYTES_MAX = 64 * 1024
"""Request line and headers as they come; a request at ``admit``'s 32 KiB with the longest sensible line fits in."""
RAW_FIELDS_MAX = 200
ARRIVAL_S_MAX = 20.0
"""For a request to arrive whole, and for a new connection to begin one; then it is closed."""
LINGER_S = 1.0
"""How long what still comes is thrown away after the parser's 400 or 431, before the connection closes. Closing at once
would make the kernel send a reset, which can take the answer away from a caller that is still sending."""
LOOKED_AT = frozenset({b"expect", b"transfer-encoding"})
FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})
"""Fields that say where a body ends, and whether another request may follow. Without ``upgrade`` beside it, the word in
``connection`` offers nothing."""

TOO_LARGE = b'{"error": "headers_too_large"}'
INVALID = b"Invalid HTTP request received."
ANSWER_400 = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(INVALID), INVALID)
)
ANSWER_431 = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(TOO_LARGE), TOO_LARGE)
)


class Notices(Protocol):
    """Who is told of what never reaches the application."""

    def connection_refused(self, why: str) -> None:
        """A connection was closed because of a limit."""

    def http_error(self, why: str) -> None:
        """A request was refused before it was one."""


class ListenerConfig(Config):
    """uvicorn's configuration, and what a connection needs beside it."""

    notices: Notices
    connections_max: int


class RefusedInside(Exception):
    """Raised inside a callback of the parser to make it stop."""


class JoiningTransport:
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
    """uvicorn's protocol with bounds on what it takes, and deaf to offered upgrades."""

    config: ListenerConfig
    arriving_since: float | None = None
    """Loop time since which a request has been arriving, or a new connection has not begun one; None while neither."""
    _section_bytes: int = 0
    _in_headers: bool = True
    _opening: bytes = b""
    """The first bytes of the connection, which tell what protocol it speaks."""
    _why: str | None = None
    """Why this class made the parser stop; None where the parser stops by itself."""
    _ended: bool = False
    """Nothing further is read from this caller; it is closed once what arrived whole is answered."""
    _last_words: bytes | None = None
    """What a connection that has ended is still to be told before it is closed; None: it was told."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(JoiningTransport(transport))  # type: ignore[arg-type]
        self.arriving_since = self.loop.time()
        if len(self.connections) > self.config.connections_max:
            self.config.notices.connection_refused("too_many")
            self.end()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; refuse what is no HTTP/1.1, and a header section that does not end."""
        if self._ended:
            return
        self._unset_keepalive_if_required()
        if len(self._opening) < wrong_protocol.OPENING_BYTES:
            self._opening += data[: wrong_protocol.OPENING_BYTES]
        if self._in_headers:
            self._section_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._read_past_upgrade(memoryview(data)[upgrade.args[0] :])
        except HttpParserError:
            self._refuse_what_stopped_the_parser()
        if self._in_headers and self._section_bytes > RAW_HEADER_BYTES_MAX and not self._ended:
            self._refuse("headers_too_large")

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what has arrived whole, and only then close: the caller sends no more, but it may still listen."""
        if not self._ended:
            self.end()
        elif self._last_words is None:
            self.transport.close()
        return True  # the transport stays open until this closes it

    def end(self, last_words: bytes = b"") -> None:
        """Read nothing more, answer what has arrived whole, say ``last_words`` where any are given, and close."""
        self._ended = True
        self.arriving_since = None
        cycle = self.cycle
        in_hand = cycle is not None and not cycle.response_complete
        if in_hand and cycle.more_body:
            # Its body will not come whole. Where it waited behind others these are in hand, and nobody misses it.
            cycle.disconnected = True
            cycle.message_event.set()
            last_words = b"" if cycle.response_started else last_words
            in_hand = bool(self.pipeline)
            if in_hand:
                self.pipeline.popleft()
        self._last_words = last_words
        if not in_hand:
            self._say_last_words()

    def overdue(self, now_s: float) -> str | None:
        """Why this connection has been waited for long enough, or None; ``now_s`` is the loop's time."""
        if self.arriving_since is None or now_s - self.arriving_since <= ARRIVAL_S_MAX:
            return None
        return "silent" if self.headers is None else "slow"

    def state(self) -> str:
        """One of ``notices.STATES``.

        ``idle``: nothing is in hand, also before the first request; ``arriving``: a request has begun and is not whole;
        ``answering``: one is whole and not answered; ``writing``: an answer waits for a caller that does not read;
        ``closing``: nothing more is read, and the end is near.
        """
        cycle = self.cycle
        if self.transport.get_write_buffer_size():
            return "writing"
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            return "answering"
        if self._ended or self.transport.is_closing():
            return "closing"
        return "idle" if self.arriving_since is None or self.headers is None else "arriving"

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._in_headers = True
        self._section_bytes = 0
        self.arriving_since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field, or a trailer of a chunked body, is complete."""
        if len(self.headers) >= RAW_FIELDS_MAX:
            self._stop_parser("headers_too_large")
        name = name.lower()
        if name in LOOKED_AT:
            self._look_at(name, value.strip().lower())
        self.headers.append((name, value))

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"transfer-encoding" and value != b"chunked":
            self._stop_parser("transfer_coding")  # what is packed otherwise is not what was signed
        if name == b"expect" and value == b"100-continue":
            # A caller of HTTP/1.0 would take "100 Continue" for its answer (RFC 9110, 10.1.1).
            self.expect_100_continue = self.parser.get_http_version() != "1.0"

    def on_headers_complete(self) -> None:
        """The application may begin; trailers go to a list of their own, which nobody reads."""
        self._in_headers = False
        if not self.url.startswith(b"/") and parse_url(self.url).path is None:
            self.url = b"/"  # "http://host" means its root (RFC 9112, 3.2.2), and uvicorn dies of it
        super().on_headers_complete()
        self.headers = []

    def on_message_complete(self) -> None:
        """The request has arrived whole, unless it offered an upgrade: then its body is still to be read."""
        if not self.parser.should_upgrade():
            self.arriving_since = None
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole; to HEAD it has no body."""
        self.transport.flush()  # type: ignore[attr-defined]
        last = not self.pipeline
        super().on_response_complete()
        if last and self._ended:
            self._say_last_words()

    def _read_past_upgrade(self, rest: memoryview) -> None:
        # In a loop: pipelined requests may each offer one.
        while True:
            try:
                self._parse_body_of_upgrade()
                self.parser.feed_data(rest)
            except HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except HttpParserError:
                return self._refuse_what_stopped_the_parser()
            else:
                return None

    def _parse_body_of_upgrade(self) -> None:
        after = _AfterUpgrade(self)
        version = self.parser.get_http_version().encode()
        framing = [b"%s: %s\r\n" % field for field in self.scope["headers"] if field[0] in FRAMING]
        self.parser = HttpRequestParser(after)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        self.parser.feed_data(b"POST / HTTP/%s\r\n%s\r\n" % (version, b"".join(framing)))
        after.deaf = False

    def _stop_parser(self, why: str) -> NoReturn:
        self._why = why
        raise RefusedInside

    def _refuse_what_stopped_the_parser(self) -> None:
        self._refuse(self._why or wrong_protocol.name(self._opening))

    def _refuse(self, why: str) -> None:
        self.config.notices.http_error(why)
        self.end(ANSWER_431 if why == "headers_too_large" else ANSWER_400)

    def _say_last_words(self) -> None:
        words, self._last_words = self._last_words, None
        self._unset_keepalive_if_required()
        if words and not self.transport.is_closing():
            self.transport.write(words)
            with contextlib.suppress(OSError):  # it may have gone meanwhile
                self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()


class _AfterUpgrade:
    """Hears the parser that reads a body behind an offered upgrade: not the head that it is given again, but all else.

    A parser looks these methods up when it is made, so that they cost nothing where no upgrade was offered.
    """

    def __init__(self, connection: LimitedProtocol) -> None:
        self._connection = connection
        self.deaf = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self.deaf:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self.deaf:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.deaf:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.deaf:
            self._connection.on_headers_complete()
