"""A connection's socket: read a little in each turn, written at once, closed when all is written.

Not the loop's own transport, for three reasons. That one reads whatever is ready before anybody else has a turn
(``poller``); it reads before it is known whether the caller may have a turn at all (``callers``); and to make it takes
more time than to answer a callback does.

The head of an answer waits for its body: one system call for both. Counted: uvicorn makes two for an answer of two
bytes, and the caller reads twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Protocol

from receiver.intake.poller import READ, WRITE, Poller

READ_BYTES = 16 * 1024
"""Read from one connection in one turn."""
UNSENT_BYTES_MAX, UNSENT_BYTES_LOW = 64 * 1024, 16 * 1024
"""Bytes that wait for a caller that does not read: with more the application waits, with fewer it goes on."""


class Connection(Protocol):
    """Who talks through a socket."""

    def may_read(self) -> bool:
        """Whether what came may be read now; else ``take_turn`` is called once it may."""

    def data_received(self, data: bytes) -> None:
        """So much was read."""

    def eof_received(self) -> Any:
        """The caller sends no more. The socket stays open until it is closed here."""

    def connection_lost(self, exc: Exception | None, /) -> None:
        """The socket is closed, or about to be."""

    def pause_writing(self) -> None:
        """More than ``UNSENT_BYTES_MAX`` wait to be read by the caller."""

    def resume_writing(self) -> None:
        """``UNSENT_BYTES_LOW`` or fewer do."""

    def resumed(self) -> None:
        """The application takes more of a body, or the caller has read all that waited for it."""


class SocketTransport(asyncio.Transport):
    """Of one connection.

    Reading stops while a body waits for the application (``pause_reading``, uvicorn's), and while the caller has to
    wait for its turn (``hold``); neither of the two undoes the other.
    """

    __slots__ = (
        *("_buffer", "_closing", "_connection", "_descriptor", "_ended", "_eof_waits", "_events", "_head", "_held"),
        *("_loop", "_paused", "_poller", "_sock", "_unread", "_unsent", "_writing_paused"),
    )

    def __init__(self, sock: socket.socket, connection: Connection, poller: Poller, buffer: memoryview) -> None:
        """``buffer``: one for all connections, of ``READ_BYTES``; it is emptied before anybody else reads."""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._descriptor = sock.fileno()
        self._connection = connection
        self._poller = poller
        self._buffer = buffer
        self._head = b""
        self._unsent = bytearray()
        self._events = 0
        self._paused = self._held = self._unread = self._ended = self._closing = False
        self._eof_waits = self._writing_paused = False

    def begin(self, *, watched: bool) -> None:
        """Read from now on. ``watched``: the descriptor is so already, for somebody before."""
        if watched:
            self._events = READ
            self._poller.hand_over(self._descriptor, self)
        self._watch()

    def ready(self, events: int) -> None:
        """It can be read or written, or has an error."""
        if self._unsent and events & ~READ:
            self._send_rest()
        if self._events & READ and events & ~WRITE:
            if self._connection.may_read():
                self._read()
            else:
                self._unread = True
                self.hold()

    def failed(self, error: Exception) -> None:
        """Whatever went wrong here, the connection is not to be gone on with."""
        context = {"message": "a connection failed and is closed", "exception": error, "transport": self}
        self._loop.call_exception_handler(context)
        self._lose(error)

    def read_unread(self) -> bool:
        """Read what came and had to wait; False where nothing had to."""
        unread, self._unread = self._unread, False
        if unread and not self._closing:
            self._read()
        return unread

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        """Nothing: who calls is known from ``accept``, and finding it out again costs each connection system calls."""
        return default

    def pause_reading(self) -> None:
        """A body waits for the application."""
        self._paused = True
        self._watch()

    def resume_reading(self) -> None:
        """It waits no more."""
        self._paused = False
        self._watch()
        self._connection.resumed()

    def hold(self) -> None:
        """The caller has to wait: nothing more is read of it."""
        if not self._held:
            self._held = True
            self._watch()

    def release(self) -> None:
        """The caller waits no more."""
        if self._held:
            self._held = self._unread = False
            self._watch()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, or wait for what follows."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data[:9] == b"HTTP/1.1 " and data[9:12] != b"100":
            self._head = bytes(data)
            return
        if data and not self._closing:
            self._send(data)

    def write_whole(self, answer: bytes) -> None:
        """Write an answer that nothing follows."""
        if not self._closing:
            self._send(answer)

    def flush(self) -> None:
        """Write a head that no body followed."""
        if self._head:
            self.write(b"")

    def write_eof(self) -> None:
        """Write what waits, and say that no more comes; raises ``OSError`` where the caller is gone."""
        self.flush()
        if self._unsent:
            self._eof_waits = True
        elif not self._closing:
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Write what waits, and close."""
        if not self._closing:
            self.flush()
        if not self._closing:
            self._closing = True
            if self._unsent:
                self._watch()
            else:
                self._end(None)

    def abort(self) -> None:
        """Close at once."""
        if not self._closing or self._unsent:
            self._lose(None)

    def is_busy(self) -> bool:
        """Whether a further request has to wait: for the answer before it to be sent, or for ever."""
        return self._closing or bool(self._unsent)

    def is_closing(self) -> bool:
        """Whether nothing more is taken."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for a caller that does not read."""
        return len(self._unsent)

    def _watch(self) -> None:
        stopped = self._paused or self._held or self._ended or self._closing
        events = (0 if stopped else READ) | (WRITE if self._unsent else 0)
        if events != self._events:
            self._events = events
            self._poller.watch(self._descriptor, self, events)

    def _read(self) -> None:
        try:
            size = self._sock.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            self.release()
            return
        except OSError as error:
            self._lose(error)
            return
        if size:
            self._connection.data_received(bytes(self._buffer[:size]))
        else:
            self._ended = True
            self._watch()
            self._connection.eof_received()

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if not self._unsent:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._lose(error)
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._unsent += data
        self._watch()
        if len(self._unsent) > UNSENT_BYTES_MAX and not self._writing_paused:
            self._writing_paused = True
            self._connection.pause_writing()

    def _send_rest(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        del self._unsent[:sent]
        if self._writing_paused and len(self._unsent) <= UNSENT_BYTES_LOW:
            self._writing_paused = False
            self._connection.resume_writing()
        if self._unsent:
            return
        if self._closing:
            self._end(None)
            return
        self._watch()
        if self._eof_waits:
            with contextlib.suppress(OSError):  # it may have gone meanwhile
                self._sock.shutdown(socket.SHUT_WR)
        self._connection.resumed()

    def _lose(self, error: Exception | None) -> None:
        # Once, also where closing waited for what can be written no more.
        if not self._closing or self._unsent:
            self._closing = True
            self._unsent.clear()
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        self._watch()
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: Exception | None) -> None:
        try:
            self._connection.connection_lost(error)
        finally:
            self._sock.close()
