"""One connection of a caller: uvicorn's httptools protocol, with limits that it lacks and HTTP/1.1 that it cuts.

Budgets. Every byte and every moment of a connection is counted against something (``limits.Limits``), where it comes
in. What comes is held back here and given to the parser a piece at a time, never beyond the end of one request
(``framing``): a request is answered before the next one is looked at, and nothing more is read meanwhile. All bytes of
a request that are no body have one budget, ``OTHER_BYTES_MAX``, whatever they are. Measured before there was one:
20 MB in one header, a trailer without an end, 700 MB of memory for 6 MB of small requests. The exact limits that a
caller can rely on are ``admit``'s; those here lie above them and only keep memory small. Each state of a connection has
its deadline, checked once a second by ``keep_time``, and bytes that get a caller nowhere do not move it.

Who calls (``callers``) decides who has to wait, and who goes where something is full.

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
from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.intake import proxy_header, wrong_protocol
from receiver.intake.admit import LENGTH_DIGITS_MAX
from receiver.intake.after_upgrade import AfterUpgrade
from receiver.intake.callers import BYTE_S, PIECE_S, READ_S, REQUEST_S, Account
from receiver.intake.canned import ANSWER_200, ANSWER_400, ANSWER_431, ANSWER_503
from receiver.intake.deadlines import IDLE, Deadlines
from receiver.intake.framing import Framing
from receiver.intake.listener_config import ListenerConfig
from receiver.intake.peers import forwarded_for, is_within
from receiver.intake.transport import SocketTransport

OTHER_BYTES_MAX = 64 * 1024
"""Of a request, without its body; one at ``admit``'s 32 KiB of headers with the longest sensible line fits in. A body
in chunks may have as many bytes more as it has itself, so that small chunks are no reason to refuse it."""
FIELDS_MAX = 200
TRAILERS_MAX = 8
"""A trailer's fields are legal, and nobody reads them: a few are thrown away, more are refused."""

LINGER_S = 1.0
"""How long what still comes is thrown away after the parser's 400 or 431, before the connection closes. Closing at once
would make the kernel send a reset, which can take the answer away from a caller that is still sending."""
PROVEN_S = 1.0
"""A request that takes longer to arrive ends what its connection has proven before."""
LOOKED_AT = frozenset({b"content-length", b"expect", b"transfer-encoding"})


class RefusedInside(Exception):
    """Raised inside a callback of the parser to make it stop."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on what it takes, and deaf to offered upgrades."""

    config: ListenerConfig
    transport: SocketTransport
    account: Account
    """Set by ``Callers.enter`` or ``become``, before anything else happens."""
    address: str = ""
    """Who opened the connection, as far as the connection itself tells."""
    came_s: float = 0.0
    """When it was opened, the loop's time."""
    _trusted: bool = False
    """That is a proxy whose word is taken for who calls."""
    _announcing: bool = False
    """Such a connection has not shown yet whether it begins with a PROXY protocol header."""
    _begun: bool = False
    """A request has begun to arrive, and is not whole."""
    _held: bytes = b""
    """What came and was not given to the parser yet."""
    _opening: bytes = b""
    """The first bytes of the connection, which tell what protocol it speaks."""
    _why: str | None = None
    """Why this class made the parser stop; None where the parser stops by itself."""
    _eof: bool = False
    """The caller sends no more, and what came before is held back."""
    _ended: bool = False
    """Nothing further is read from this caller; it is closed once what arrived whole is answered."""
    _last_words: bytes | None = None
    """What a connection that has ended is still to be told before it is closed; None: it was told."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; ``account``, ``address`` and ``came_s`` are set."""
        super().connection_made(transport)
        self._framing = Framing()
        self._callers, self._limits = self.config.callers, self.config.limits
        self._deadlines = Deadlines(self._limits, self.came_s)
        self._trusted = self._announcing = is_within(self.address, self._limits.trusted)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._ended, self._held = True, b""
        self._callers.leave(self)
        super().connection_lost(exc)
        if self.scope is not None:
            self.scope["state"].clear()  # the way from the request back to here

    def data_received(self, data: bytes) -> None:
        """Take what came; all of it belongs to nobody where the connection has ended."""
        self._callers.charge(self, READ_S + len(data) * BYTE_S)
        if self._ended:
            self.transport.release()
            return
        if len(self._opening) < wrong_protocol.OPENING_BYTES:
            self._opening += data[: wrong_protocol.OPENING_BYTES]
        self._held = self._held + data if self._held else data
        self._go_on()

    def may_read(self) -> bool:
        """Whether it has its turn; else it is given one by ``take_turn``, later."""
        return self._callers.may_work(self)

    def take_turn(self) -> None:
        """Read what came and had to wait, or go on with what was read and had to."""
        if not self.transport.read_unread():
            self._go_on()

    def resumed(self) -> None:
        """What was read and had to wait may go on, in the loop's next turn."""
        if self._held or self._eof:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        # Gives the parser what is held, as far as the caller may go on; the rest waits, and nothing more is read.
        if not self._ended and self._announcing:
            self._hear_proxy()
        while self._held and not self._ended and not self._announcing and not self._has_to_wait():
            in_head = self._framing.in_head
            self._feed_held()
            if in_head and self._held and not (self._framing.in_head or self._ended):
                self._feed_held()  # what came with its head, without asking for each of the two
        if self._held and not self._ended and not self._announcing:
            self.transport.hold()
            return
        self.transport.release()
        if self._eof and not self._ended:
            self.end()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what has arrived whole, and only then close: the caller sends no more, but it may still listen."""
        if self._held and not self._ended and not self._announcing:
            self._eof = True
        elif not self._ended:
            self.end()
        elif self._last_words is None:
            self.transport.close()
        return True  # the transport stays open until this closes it

    def end(self, last_words: bytes = b"") -> None:
        """Read nothing more, answer what has arrived whole, say ``last_words`` where any are given, and close."""
        self._ended, self._begun, self._held = True, False, b""
        cycle = self.cycle
        in_hand = cycle is not None and not cycle.response_complete
        if in_hand and cycle.more_body:  # its body will not come whole
            cycle.disconnected = True
            cycle.message_event.set()
            last_words = b"" if cycle.response_started else last_words
            in_hand = False
        self._last_words = last_words
        self.transport.release()
        if not in_hand:
            self._say_last_words()

    def shed(self, why: str) -> None:
        """Go, so that others have a place; a caller whose body had to go is told to come again."""
        self.config.notices.connection_refused(why)
        if why == "bodies":
            self.end(ANSWER_503)
            return
        self._callers.leave(self)
        self.end()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def keep_time(self, now_s: float) -> None:
        """End what has been waited for long enough; ``now_s`` is the loop's time."""
        state, deadlines = self.state(), self._deadlines
        if self.transport.is_closing():
            if deadlines.closing_too_long(now_s):
                self.transport.abort()
            return
        if self.account.waiting:
            deadlines.since_s = now_s  # it waits for us
            return
        body_bytes, answered = self._framing.body_bytes, self.cycle is not None
        why = deadlines.overdue(now_s, state, body_bytes=body_bytes, answered=answered)
        if why is not None:
            if why != IDLE:
                self.config.notices.connection_refused(why)
            self.end()
            if state in {"writing", "answering"}:
                self.transport.abort()  # there is nothing that it waits for
        elif self._begun and now_s - deadlines.since_s > PROVEN_S:
            self._callers.unprove(self)
        else:
            self.resumed()

    def state(self) -> str:
        """One of ``notices.STATES``.

        ``idle``: nothing is in hand, also before the first request; ``arriving``: a request has begun and is not whole;
        ``answering``: one is whole and not answered; ``writing``: an answer waits for a caller that does not read;
        ``closing``: nothing more is read, and the end is near.
        """
        cycle = self.cycle
        if self.transport.is_closing():
            return "closing"
        if self.transport.get_write_buffer_size():
            return "writing"
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            return "answering"
        if self._ended:
            return "closing"
        return "arriving" if self._begun else "idle"

    def proven(self) -> None:
        """The application has checked the signature of the request in hand."""
        self._callers.prove(self)

    def answer_ok(self) -> bool:
        """Answer 200 to the request in hand; False where uvicorn has to: it says more than usual, or to nobody."""
        cycle = self.cycle
        if cycle.disconnected or cycle.response_started or not cycle.keep_alive or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        self.transport.write_whole(ANSWER_200)
        cycle.message_event.set()
        cycle.on_response()
        return True

    def refused(self) -> str | None:
        """Why the body of the request in hand cannot be taken now, None where it can."""
        return "bodies_full" if self._callers.bodies_full() else None

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self.scope["state"]["caller"] = self
        self._begun = True
        self._deadlines.since_s = self.loop.time()
        self._length, self._chunked, self._trailers = 0, False, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field is complete, or one of a trailer, which is thrown away."""
        if not self._framing.in_head:
            self._trailers += 1
            if self._trailers > TRAILERS_MAX:
                self._stop_parser("trailers")
            return
        if len(self.headers) >= FIELDS_MAX:
            self._stop_parser("headers_too_large")
        name = name.lower()
        if name in LOOKED_AT:
            self._look_at(name, value.strip().lower())
        self.headers.append((name, value))

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            digits = value.lstrip(b"0")
            self._length = int(digits or b"0") if len(digits) <= LENGTH_DIGITS_MAX else 10**LENGTH_DIGITS_MAX
        if name == b"transfer-encoding":
            if value != b"chunked":
                self._stop_parser("transfer_coding")  # what is packed otherwise is not what was signed
            self._chunked = True
        if name == b"expect" and value == b"100-continue":
            # A caller of HTTP/1.0 would take "100 Continue" for its answer (RFC 9110, 10.1.1).
            self.expect_100_continue = self.parser.get_http_version() != "1.0"

    def on_headers_complete(self) -> None:
        """The application may begin."""
        if self._in_hand():
            self._stop_parser("malformed")  # it ended where no request can end
        if not self.url.startswith(b"/") and parse_url(self.url).path is None:
            self.url = b"/"  # "http://host" means its root (RFC 9112, 3.2.2), and uvicorn dies of it
        self._framing.head_ended(self._length, chunked=self._chunked)
        if self._trusted:
            self._callers.move(self, forwarded_for(self.headers, self._limits.trusted) or self.address)
        self._callers.charge(self, REQUEST_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; what comes after the answer has begun is on its way to be thrown away."""
        self._framing.body(len(body))
        self._callers.charge(self, PIECE_S)
        super().on_body(body)
        if self.cycle.response_started:
            self.flow.pause_reading()
        else:
            self._callers.take_body(self, len(body))

    def on_message_complete(self) -> None:
        """The request has arrived whole, unless it offered an upgrade: then its body is still to be read."""
        if not self.parser.should_upgrade():
            self._begun = False
            self._deadlines.since_s = self.loop.time()
            self._framing.begin()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole; to HEAD it has no body. The next request may be looked at."""
        self.server_state.total_requests += 1
        self.transport.flush()
        self._callers.answered(self)
        if not self._begun:
            self._deadlines.since_s = self.loop.time()
        if self._ended:
            self._say_last_words()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            self.resumed()

    def _in_hand(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _has_to_wait(self) -> bool:
        # For the answer to the request before, for that to be sent, for the application to take the body, for a turn.
        waits = self._in_hand() or self.flow.read_paused or self.transport.is_busy()
        return waits or not self._callers.may_work(self)

    def _hear_proxy(self) -> None:
        header = proxy_header.read(self._held)
        if header is None:
            return
        self._announcing = False
        if header.size:
            self._held = self._held[header.size :]
            self._opening = self._held[: wrong_protocol.OPENING_BYTES]
        if header.address is not None:
            self.address = header.address
            # A proxy that says who calls is one for connections: only a trusted one before it is asked further.
            self._trusted = is_within(self.address, self._limits.trusted)
            self._callers.move(self, self.address)

    def _feed_held(self) -> None:
        held = self._held
        size = self._framing.cut(held)
        if size == len(held):
            self._held = b""
            self._feed(held)
        else:
            self._held = held[size:]
            self._feed(held[:size])

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except HttpParserUpgrade as upgrade:
            self._read_past_upgrade(piece[upgrade.args[0] :])
        except HttpParserError:
            self._refuse(self._why or wrong_protocol.name(self._opening))
        framing = self._framing
        if framing.other_bytes > OTHER_BYTES_MAX + framing.body_bytes and not self._ended:
            self._refuse_unless_answered("headers_too_large")

    def _refuse_unless_answered(self, why: str) -> None:
        # What is thrown away behind an answer has limits of its own (``webhook.LINGER_S``).
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self._refuse(why)

    def _read_past_upgrade(self, rest: bytes) -> None:
        after, version = AfterUpgrade(self), self.parser.get_http_version()
        self.parser = after.parser
        try:
            after.begin(version, self.scope["headers"])
        except HttpParserError:
            self._refuse("malformed")
            return
        if rest:
            self._feed(rest)

    def _stop_parser(self, why: str) -> NoReturn:
        self._why = why
        raise RefusedInside

    def _refuse(self, why: str) -> None:
        self.config.notices.http_error(why)
        self.end(ANSWER_431 if why in {"headers_too_large", "trailers"} else ANSWER_400)

    def _say_last_words(self) -> None:
        words, self._last_words = self._last_words, None
        if words and not self.transport.is_closing():
            self.transport.write(words)
            with contextlib.suppress(OSError):  # it may have gone meanwhile
                self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()
