"""Takes connections from a listening socket: many a turn, cheaply, and each only when its peer has its turn.

The loop's own way takes one a turn and makes all that a connection needs at once. A flood of connections then fills the
kernel's queue, in which everybody waits behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from receiver.intake.callers import CONNECTION_S, Account, Callers
from receiver.intake.connection import LimitedProtocol
from receiver.intake.notices import Notices

ACCEPT_MAX = 64
"""Connections taken in one turn of the loop."""
READ_BYTES = 16 * 1024
"""Read from one connection in one turn."""
PAUSE_S = 0.1
"""Without looking for connections, where the process may open no more files."""


class Newcomer:
    """A connection that waits for its peer's turn before it is made one: a socket and nothing else."""

    account: Account

    def __init__(self, acceptor: Acceptor, sock: socket.socket, address: str) -> None:
        self.sock = sock
        self.address = address
        self._acceptor = acceptor

    def take_turn(self) -> None:
        """Become a connection."""
        if self.sock.fileno() >= 0:
            self._acceptor.let_in(self)

    def shed(self, why: str) -> None:
        """Be closed."""
        self._acceptor.turn_away(self, why)


class Acceptor:
    """Of one listening socket."""

    def __init__(
        self, listener: socket.socket, callers: Callers, notices: Notices, make: Callable[[], LimitedProtocol]
    ) -> None:
        self._listener = listener
        self._callers = callers
        self._notices = notices
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._newcomers: dict[Newcomer, None] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._stopped = False

    def start(self) -> None:
        """Take connections from now on."""
        if not self._stopped:
            self._loop.add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Take none any more; the listening socket is closed."""
        self._stopped = True
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for newcomer in self._newcomers:
            newcomer.sock.close()

    def waiting(self) -> int:
        """How many sockets wait to become connections."""
        return len(self._newcomers)

    def let_in(self, newcomer: Newcomer) -> None:
        """Make a connection of it."""
        self._newcomers.pop(newcomer, None)
        connection = self._make()
        connection.address = newcomer.address
        self._callers.become(newcomer, connection)
        task = self._loop.create_task(self._open(newcomer.sock, connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def turn_away(self, newcomer: Newcomer, why: str) -> None:
        """Close it."""
        self._newcomers.pop(newcomer, None)
        self._notices.connection_refused(why)
        self._callers.leave(newcomer)
        newcomer.sock.close()

    def _accept(self) -> None:
        for _ in range(ACCEPT_MAX):
            try:
                sock, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._notices.connection_refused("too_many")
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE_S, self.start)
                return
            sock.setblocking(False)  # noqa: FBT003  the standard library's own signature
            self._welcome(Newcomer(self, sock, str(address[0])))

    def _welcome(self, newcomer: Newcomer) -> None:
        if not self._callers.enter(newcomer, newcomer.address):
            self._notices.connection_refused("too_many")
            newcomer.sock.close()
            return
        if self._callers.may_work(newcomer):
            self._callers.charge(newcomer, CONNECTION_S)
            self.let_in(newcomer)
        else:
            self._newcomers[newcomer] = None

    async def _open(self, sock: socket.socket, connection: LimitedProtocol) -> None:
        front = Front(connection, self._buffer)
        try:
            await self._loop.connect_accepted_socket(lambda: front, sock)
        except OSError:  # it is gone already
            self._callers.leave(connection)
            with contextlib.suppress(OSError):
                sock.close()


class Front(asyncio.BufferedProtocol):
    """What the loop talks to: a connection, read through one small buffer that all of them share.

    The loop's own buffers are 256 KiB, and it reads up to 32 of them from one caller before it looks at another.
    """

    def __init__(self, connection: LimitedProtocol, buffer: memoryview) -> None:
        self._connection = connection
        self._buffer = buffer
        self.connection_made = connection.connection_made  # type: ignore[method-assign,assignment]
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]
        self.eof_received = connection.eof_received  # type: ignore[method-assign]
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to; emptied before anybody else reads."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        self._connection.data_received(bytes(self._buffer[:nbytes]))
        if nbytes == len(self._buffer):
            self._connection.rest()
