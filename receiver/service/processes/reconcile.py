"""The reconcile process, wired: a loop per source that has ``poll``, one that follows the outbox, a thread for all."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from receiver.journal.handle import Journal
from receiver.model.clock import Clock
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.log import Log
from receiver.providers.contract import Provider, Source, Sources
from receiver.providers.settings import PollSettings
from receiver.reconcile.follower import OutboxFollower
from receiver.reconcile.http_client import HttpClient
from receiver.reconcile.metrics import ReconcileMetrics
from receiver.reconcile.reconciler import ROUND_S, Pace, Reconciler, Round
from receiver.service import metrics
from receiver.service.config.polls import polled
from receiver.service.config.settings import Settings
from receiver.service.own_secrets import sources_for
from receiver.service.process import ProcessContext
from receiver.service.source_slots import source_slots
from receiver.service.system_clock import SystemClock

GRACE_S = 2.0
"""For the calls under way when it is stopped: an answer that is lost is asked for again."""


def make(context: ProcessContext) -> ReconcileProcess:
    """Make it; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    sources = sources_for(context.settings, context.environ, "reconcile")
    return ReconcileProcess(context.settings, sources, context.journal, context.log, all_sources=False)


async def once(settings: Settings, environ: Mapping[str, str], journal: Journal, log: Log) -> dict[str, Round]:
    """Ask every source with ``poll`` for all that is open, for a person who asks; gives what each round did."""
    sources = sources_for(settings, environ, "reconcile")
    return await ReconcileProcess(settings, sources, journal, log, all_sources=True).once()


def _of_slot(polls: Mapping[str, PollSettings], sources: Sources, journal: Journal) -> dict[str, PollSettings]:
    # Where a journal has several slots, what a provider says of an account is interpreted where its callbacks are.
    if journal.held is None:
        return dict(polls)
    slots = source_slots(journal, {name: sources[name] for name in polls})
    return {name: poll for name, poll in polls.items() if slots[name] == journal.held.slot}


class ReconcileProcess:
    """Asks the providers of all sources that have ``poll``."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        settings: Settings,
        sources: Sources,
        journal: Journal,
        log: Log,
        *,
        all_sources: bool,
        clock: Clock | None = None,
    ) -> None:
        """``all_sources``: also those with ``enabled = false``, for a person who asks."""
        self._settings = settings
        self._journal = journal
        self._log = log
        self._clock: Clock = clock or SystemClock()
        self._metrics = ReconcileMetrics()
        self._thread = ThreadPoolExecutor(1, "reconcile")
        self._watch, self._outbox, self._inbox = journal.watchlist(), journal.outbox(), journal.inbox()
        self._requests = journal.requests()
        self._http = HttpClient()
        self._polls = _of_slot(polled(settings, all_sources=all_sources), sources, journal)
        self._reconcilers = {name: self._make(sources[name]) for name in self._polls}
        self._stop = asyncio.Event()
        self._counts: dict[str, tuple[int, int]] = {}
        self._follower = OutboxFollower(
            watchlist=self._watch,
            outbox=self._outbox,
            inbox=self._inbox,
            requests=self._requests,
            apis={name: one.api for name, one in self._reconcilers.items()},
            clock=self._clock,
            retention_days=settings.journal.retention_days,
        )

    def _make(self, found: tuple[Provider, Source]) -> Reconciler:
        provider, source = found
        poll = self._polls[source.name]
        return Reconciler(
            provider,
            source,
            Pace(poll.every_s, poll.requests_per_s, poll.timeout_s, poll.overdue_s),
            watch=self._watch,
            newest_callback=self._inbox.last_number,
            http=self._http,
            in_thread=self._in_thread,
            clock=self._clock,
            log=self._log,
            metrics=self._metrics,
            chance=random.Random(os.urandom(8)),  # noqa: S311  jitter
        )

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *arguments))

    async def run(self) -> None:
        """Ask until ``stop``."""
        tasks = [asyncio.create_task(one) for one in (self._follow(), *map(self._reconcile, self._reconcilers))]
        stopping = asyncio.create_task(self._stopped())
        try:
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(tasks, timeout=GRACE_S if self._stop.is_set() else 0)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            await asyncio.gather(stopping, *tasks, return_exceptions=True)
            await self.close()

    async def once(self) -> dict[str, Round]:
        """Learn what the outbox says, then ask each source once for all that is open."""
        try:
            while await self._in_thread(self._follower.listen):
                pass
            return {name: await one.round(everything=True) for name, one in self._reconcilers.items()}
        finally:
            await self.close()

    async def close(self) -> None:
        """Give everything back."""
        await self._http.close()
        for store in (self._watch, self._outbox, self._inbox, self._requests):
            store.close()
        self._thread.shutdown()

    def stop(self) -> None:
        """End after the call under way."""
        for one in self._reconcilers.values():
            one.stopping = True
        self._stop.set()

    def wake(self) -> None:
        """Nothing: it looks at the outbox by itself, every ``ROUND_S``."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        for name, (_, source) in sources_for(self._settings, environ, "reconcile").items():
            if name in self._reconcilers and source.access is not None:
                self._reconcilers[name].access = source.access

    def status(self) -> dict[str, Any]:
        """The reconcile process's part of ``/readyz``."""
        return {
            "sources": {
                name: {
                    "circuit": "open" if one.breaker.is_open else "closed",
                    "open": self._counts.get(name, (0, 0))[0],
                    "overdue": self._counts.get(name, (0, 0))[1],
                }
                for name, one in self._reconcilers.items()
            }
        }

    def metrics(self) -> bytes:
        """The reconcile process's metrics."""
        for name, said in self.status()["sources"].items():
            self._metrics.open.labels(name).set(said["open"])
            self._metrics.overdue.labels(name).set(said["overdue"])
            self._metrics.circuit_open.labels(name).set(said["circuit"] == "open")
        return metrics.render(self._metrics.registry)

    async def _reconcile(self, name: str) -> None:
        while not self._stop.is_set():
            try:
                await self._reconcilers[name].round()
                await self._count(name)
            except (StoreFailed, JournalError) as error:
                self._log.error("reconcile.refused", source=name, why=str(error))
            except Exception:  # noqa: BLE001  a bug in one provider's reading must not end the others
                self._log.exception("reconcile.bug", source=name)
            await self._pause()

    async def _count(self, name: str) -> None:
        before_us = self._clock.now_us() - int(self._polls[name].overdue_s * 1_000_000)
        counts = await self._in_thread(self._watch.counts, name, before_us)
        if counts[1] > self._counts.get(name, (0, 0))[1]:
            self._log.warning("reconcile.overdue", source=name, operations=counts[1])
        self._counts[name] = counts

    async def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                more = await self._in_thread(self._follower.listen)
                if not more:
                    await self._in_thread(self._follower.tidy)
            except (StoreFailed, JournalError) as error:
                more = False
                self._log.error("reconcile.refused", why=str(error))
            if not more:
                await self._pause()

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), ROUND_S)
        except TimeoutError:
            return
