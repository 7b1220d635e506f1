"""The HTTP server: uvicorn, on a socket that is bound already, with connections that have limits (``connection``)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast

from starlette.types import ASGIApp
from uvicorn import Server

from receiver.intake.connection import LimitedProtocol, ListenerConfig, Notices
from receiver.intake.notices import STATES, Unnoticed

SWEEP_S = 1.0
CONNECTIONS_MAX = 4096
"""Open at once; a further one is closed at once, and comes again as any that was lost."""
FILES_KEPT = 128
"""Open files of the process that are no connections: the journal's, pipes, what libraries open for a moment."""


def connections_max(open_files_max: int) -> int:
    """How many connections a process may have that may have so many open files.

    Where that is fewer than ``CONNECTIONS_MAX`` a connection beyond it is closed, rather than a file of the journal
    refused.
    """
    return max(1, min(CONNECTIONS_MAX, open_files_max - FILES_KEPT))


class HttpServer(Server):
    """A uvicorn server on a socket that is already bound, stopped by ``stop`` and not by signals."""

    def __init__(  # noqa: PLR0913  one server's knobs
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        keep_alive_s: int,
        shutdown_timeout_s: float,
        connections_max: int = CONNECTIONS_MAX,
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
            timeout_keep_alive=keep_alive_s,
            timeout_graceful_shutdown=max(1, int(shutdown_timeout_s)),
        )
        config.connections_max = connections_max
        config.notices = notices or Unnoticed()
        super().__init__(config)
        self._notices = config.notices
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

    def states(self) -> Mapping[str, int]:
        """How many connections are in each of ``notices.STATES``."""
        counted = Counter(connection.state() for connection in self._connections())
        return {state: counted[state] for state in STATES}

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs this process."""
        yield

    def _connections(self) -> list[LimitedProtocol]:
        return cast("list[LimitedProtocol]", list(self.server_state.connections))

    async def _sweep(self) -> None:
        # One look a second over all connections costs nothing per request, unlike a timer for each.
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s = loop.time()
            for connection in self._connections():
                why = connection.overdue(now_s)
                if why is not None:
                    self._notices.connection_refused(why)
                    connection.end()
