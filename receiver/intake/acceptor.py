"""Takes connections from a listening socket: many a turn, cheaply, and each is made one only when it says something.

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
from receiver.intake.poller import READ, Poller
from receiver.intake.transport import READ_BYTES, SocketTransport

ACCEPT_MAX = 64
"""Connections taken in one turn of the loop."""
PAUSE_S = 0.1
"""Without looking for connections, where the process may open no more files."""


class Newcomer:
    """A connection that has said nothing yet: a socket and nothing else."""

    __slots__ = ("_acceptor", "account", "address", "came_s", "sock", "watched")
    account: Account

    def __init__(self, acceptor: Acceptor, sock: socket.socket, address: str, came_s: float) -> None:
        self.sock = sock
        self.address = address
        self.came_s = came_s
        """The loop's time."""
        self.watched = False
        self._acceptor = acceptor

    def ready(self, events: int) -> None:
        """It says something, or is gone."""
        del events
        self._acceptor.heard(self)

    def failed(self, error: Exception) -> None:
        """It cannot be made a connection."""
        self._acceptor.failed(self, error)

    def has_spoken(self) -> bool:
        """Whether it has said something that nobody has looked at yet."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def take_turn(self) -> None:
        """Become a connection; until now it waited for us."""
        if self.sock.fileno() >= 0:
            self._acceptor.let_in(self, waited=True)

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
        self._poller = Poller(self._loop, callers.begin_turn)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._newcomers: dict[Newcomer, None] = {}
        """The oldest first."""
        self._stopped = False

    def start(self) -> None:
        """Take connections from now on."""
        if not self._stopped:
            # Each connection has it from its listener: an answer is sent when it is written, as short as it is.
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Take none any more; the listening socket is closed, and so is who has said nothing."""
        self._stopped = True
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for newcomer in list(self._newcomers):
            self._close(newcomer)

    def close(self) -> None:
        """Look at no connection any more."""
        self._poller.close()

    def waiting(self) -> int:
        """How many sockets are no connections yet."""
        return len(self._newcomers)

    def keep_time(self, now_s: float, silent_s: float) -> None:
        """Close those that have said nothing for ``silent_s``; ``now_s`` is the loop's time."""
        for newcomer in list(self._newcomers):
            if now_s - newcomer.came_s <= silent_s:
                return
            if not newcomer.account.waiting and not newcomer.has_spoken():  # else it waits for us
                self.turn_away(newcomer, "silent")

    def heard(self, newcomer: Newcomer) -> None:
        """It says something: it becomes a connection when its peer may have a turn."""
        if self._callers.may_work(newcomer):
            self.let_in(newcomer)
        else:
            self._watch(newcomer, watched=False)

    def let_in(self, newcomer: Newcomer, *, waited: bool = False) -> None:
        """Read what it says, and make a connection of it; who is gone again never costs as much as that."""
        sock = newcomer.sock
        try:
            size = sock.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            self._watch(newcomer, watched=True)
            return
        except OSError:
            size = 0
        if not size:
            self._close(newcomer)
            return
        data = bytes(self._buffer[:size])
        del self._newcomers[newcomer]
        connection = self._make()
        connection.address = newcomer.address
        connection.came_s = self._loop.time() if waited else newcomer.came_s
        self._callers.become(newcomer, connection)
        transport = SocketTransport(sock, connection, self._poller, self._buffer)
        transport.begin(watched=newcomer.watched)
        connection.connection_made(transport)
        try:
            connection.data_received(data)
        except Exception as error:  # noqa: BLE001  it is told, and this connection ended
            transport.failed(error)

    def turn_away(self, newcomer: Newcomer, why: str) -> None:
        """Close it, because of a limit."""
        self._notices.connection_refused(why)
        self._close(newcomer)

    def failed(self, newcomer: Newcomer, error: Exception) -> None:
        """It cannot be made a connection: that is ours to mend, and not to end the others for."""
        self._loop.call_exception_handler({"message": "a connection could not be made", "exception": error})
        if newcomer in self._newcomers:
            self._close(newcomer)

    def _accept(self) -> None:
        now_s = self._loop.time()
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
            self._welcome(Newcomer(self, sock, str(address[0]), now_s))

    def _welcome(self, newcomer: Newcomer) -> None:
        if not self._callers.enter(newcomer, newcomer.address):
            self._notices.connection_refused("too_many")
            newcomer.sock.close()
            return
        self._callers.charge(newcomer, CONNECTION_S)
        self._newcomers[newcomer] = None
        self._watch(newcomer, watched=True)

    def _watch(self, newcomer: Newcomer, *, watched: bool) -> None:
        if watched != newcomer.watched:
            newcomer.watched = watched
            self._poller.watch(newcomer.sock.fileno(), newcomer, READ if watched else 0)

    def _close(self, newcomer: Newcomer) -> None:
        self._newcomers.pop(newcomer, None)
        self._callers.leave(newcomer)
        self._watch(newcomer, watched=False)
        with contextlib.suppress(OSError):
            newcomer.sock.close()
