"""The console's process, wired: its pages on a listener of its own, and the index that its searches are answered from.

A process of its own, which gives way to all others: whoever looks at a page waits, and no provider does.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from receiver.console.app import Console
from receiver.console.desk import Desk
from receiver.console.metrics import ConsoleMetrics
from receiver.console.refusals import LOOK_S
from receiver.console.rules import AccessRules
from receiver.intake.http_server import HttpServer
from receiver.intake.limits import Limits
from receiver.journal.handle import Journal
from receiver.journal.index import IndexWriter
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.log import Log
from receiver.model.masked_body import mask_body
from receiver.providers.registry import body_fields
from receiver.service import metrics
from receiver.service.config.console import console_rules
from receiver.service.console_desk import make_desk
from receiver.service.own_secrets import foreign_variables, sources_for
from receiver.service.process import ProcessContext
from receiver.service.wiring import make_context

ROUND_S = 0.5
"""Between two looks at the outbox: how much later than an event a search finds it by the index."""
TIDY_EVERY = 1200
"""Rounds between two looks at what was purged: every ten minutes."""
LIMITS = Limits(connections_max=256, bodies_bytes_max=4 * 1024 * 1024, answer_s=86_400.0)
"""People's browsers, each with several connections; a tail is one answer for as long as it is looked at."""
SHUTDOWN_S = 1.0
FILE = "the service's configuration"
Behind = Callable[[Mapping[str, str]], tuple[Desk, AccessRules]]
"""Environment → what a console is made from; raises ``ConfigurationError``."""


def make(context: ProcessContext) -> ConsoleProcess:
    """Make it; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    assert context.listener is not None, "the supervisor has bound it"  # noqa: S101
    settings = context.settings
    withheld = foreign_variables(settings, "console") if context.on_its_own else frozenset()

    def behind(environ: Mapping[str, str]) -> tuple[Desk, AccessRules]:
        rules = console_rules(settings, environ)
        whole = make_context(settings, environ, lambda: context.journal, context.log)
        looked = replace(whole, open_sources=partial(sources_for, settings, environ, "console"))
        _ = looked.sources  # a secret that is gone is said now, and not on a page
        return make_desk(settings, environ, looked, file=FILE, withheld=withheld), rules

    return ConsoleProcess(*behind(context.environ), context.listener, context.journal, behind)


class ConsoleProcess:
    """A console on a listener that is bound; with a journal to index it keeps the index too."""

    def __init__(
        self,
        desk: Desk,
        rules: AccessRules,
        listener: socket.socket,
        indexed: Journal | None,
        behind: Behind | None = None,
    ) -> None:
        """``indexed``: None for a console that changes nothing beside the journal, as on a backup.

        ``behind`` makes desk and rules anew when the secrets are to be read again.
        """
        self._log: Log = desk.context.log
        self._clock = desk.context.clock
        self._metrics = ConsoleMetrics()
        self._refusals, self._service = desk.refusals, desk.service
        self._console = Console(desk, rules, self._metrics)
        self._behind = behind

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self._console.app(scope, receive, send)  # the one that there is by then

        self._server = HttpServer(answer, listener, shutdown_timeout_s=SHUTDOWN_S, limits=LIMITS)
        self._indexed = indexed
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Answer, and index, until ``stop``."""
        indexing = asyncio.create_task(self._index(self._indexed)) if self._indexed is not None else None
        counting = asyncio.create_task(self._count_refusals())
        try:
            await self._server.run_until_stopped()
        finally:
            self._stop.set()
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            if indexing is not None:
                await indexing
            self._console.close()

    async def _index(self, journal: Journal) -> None:
        # Whatever becomes of the index, pages go on: without it the newest records are looked through.
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "console-index") as thread:
            writer: IndexWriter | None = None
            rounds = 0
            while not self._stop.is_set():
                try:
                    if writer is None:
                        writer = await loop.run_in_executor(thread, journal.index_writer, _masked)
                    more = await loop.run_in_executor(thread, writer.step)
                    if not more and rounds % TIDY_EVERY == 0:
                        await loop.run_in_executor(thread, writer.tidy, self._clock.now_us())
                except (JournalError, StoreFailed) as error:
                    more = False
                    self._log.error("console.index_refused", why=str(error))
                if not more:
                    rounds += 1
                    await self._pause()
            if writer is not None:
                await loop.run_in_executor(thread, writer.close)

    async def _count_refusals(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "console-counts") as thread:
            while True:
                service = await loop.run_in_executor(thread, self._service)
                if service is not None:
                    self._refusals.note(service.figures, self._clock.now_us())
                await asyncio.sleep(LOOK_S)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), ROUND_S)
        except TimeoutError:
            return

    def stop(self) -> None:
        """Answer what was asked, send away who follows the tail, and end."""
        self._console.live.close()
        self._server.stop()
        self._stop.set()

    def wake(self) -> None:
        """Nothing: it looks at the outbox by itself."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read tokens and secrets again; raises ``ConfigurationError`` and keeps the old ones.

        Who follows the tail comes back by itself; who logged in with a token that has changed does so again.
        """
        if self._behind is not None:
            before = self._console
            desk, rules = self._behind(environ)
            self._console = Console(replace(desk, refusals=self._refusals), rules, self._metrics)
            before.close()

    def status(self) -> dict[str, Any]:
        """Its part of ``/readyz``."""
        return {"listeners": self._console.live.listeners()}

    def metrics(self) -> bytes:
        """The console's metrics."""
        return metrics.render(self._metrics.registry)


def _masked(body: bytes) -> bytes:
    return mask_body(body, body_fields())
