"""The HTTP server: uvicorn, on a socket that is bound already, with callers and connections that have limits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast

from starlette.types import ASGIApp
from uvicorn import Server

from receiver.intake.acceptor import Acceptor
from receiver.intake.callers import Callers
from receiver.intake.connection import LimitedProtocol
from receiver.intake.limits import Limits
from receiver.intake.listener_config import ListenerConfig
from receiver.intake.notices import STATES, Notices, Unnoticed

SWEEP_S = 1.0
SWEEP_STEP = 128
"""Connections that are looked at before others have a turn."""
FILES_KEPT = 128
"""Open files of the process that are no connections: the journal's, pipes, what libraries open for a moment."""


def connections_max(wanted: int, open_files_max: int) -> int:
    """How many connections a process may have that may have so many open files.

    Where that is fewer than ``wanted`` a connection beyond it is closed, rather than a file of the journal refused.
    """
    return max(1, min(wanted, open_files_max - FILES_KEPT))


class HttpServer(Server):
    """A uvicorn server on a socket that is already bound, stopped by ``stop`` and not by signals."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        shutdown_timeout_s: float,
        limits: Limits | None = None,
        notices: Notices | None = None,
    ) -> None:
        config = ListenerConfig(
            app,
            http=LimitedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, int(shutdown_timeout_s)),
        )
        config.limits = limits or Limits()
        config.notices = notices or Unnoticed()
        super().__init__(config)
        self._own = config
        self._listener = listener
        self._acceptor: Acceptor | None = None

    async def run_until_stopped(self) -> None:
        """Serve until ``stop``, then let the requests under way end."""
        self._own.callers = Callers(self._own.limits, asyncio.get_running_loop())
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self.serve(sockets=[])  # ``_acceptor`` takes the connections
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            for connection in self._connections():  # those that the time for stopping was too short for
                connection.transport.abort()
            if self._acceptor is not None:
                self._acceptor.close()

    def stop(self) -> None:
        """Close the listener, answer what has arrived, return."""
        self.should_exit = True

    def states(self) -> Mapping[str, int]:
        """How many connections are in each of ``notices.STATES``."""
        counted = Counter(connection.state() for connection in self._connections())
        if self._acceptor is not None:
            counted["idle"] += self._acceptor.waiting()
        return {state: counted[state] for state in STATES}

    def bodies_bytes(self) -> int:
        """Bytes of all bodies in hand."""
        return self._own.callers.bodies_bytes if self._acceptor is not None else 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        self._acceptor = Acceptor(self._listener, self._own.callers, self._own.notices, self._make_connection)
        self._acceptor.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take none any more, and answer what has arrived."""
        if self._acceptor is not None:
            self._acceptor.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs this process."""
        yield

    def _make_connection(self) -> LimitedProtocol:
        return LimitedProtocol(self._own, self.server_state, self.lifespan.state)

    def _connections(self) -> list[LimitedProtocol]:
        return cast("list[LimitedProtocol]", list(self.server_state.connections))

    async def _sweep(self) -> None:
        # One look a second over all connections costs nothing per request, unlike a timer for each.
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            connections = self._connections()
            for start in range(0, len(connections), SWEEP_STEP):
                now_s = loop.time()
                for connection in connections[start : start + SWEEP_STEP]:
                    connection.keep_time(now_s)
                await asyncio.sleep(0)
            if self._acceptor is not None:
                self._acceptor.keep_time(loop.time(), self._own.limits.arrival_s)
            self._own.callers.forget()
