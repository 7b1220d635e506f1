"""The intake process, wired: from the public listener to the inbox."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

from receiver.intake.clock_watch import ClockWatch
from receiver.intake.http_server import FILES_KEPT, HttpServer, connections_max
from receiver.intake.limits import Limits
from receiver.intake.metrics import IntakeMetrics
from receiver.intake.notices import BoundedNotices
from receiver.intake.peers import networks
from receiver.intake.rates import Rates
from receiver.intake.rejects import RejectSample
from receiver.intake.repeats import Repeats
from receiver.intake.webhook import Intake, make_app
from receiver.journal.engines import is_server
from receiver.journal.handle import Journal
from receiver.journal.ports import Inbox, InboxLimits, InboxReader, Outbox
from receiver.journal.retention import InboxRetention, RejectsRetention
from receiver.model.errors import StoreFailed
from receiver.model.log import Log
from receiver.providers.contract import Sources
from receiver.service import metrics
from receiver.service.config.settings import Settings
from receiver.service.open_files import raise_open_files
from receiver.service.own_secrets import sources_for
from receiver.service.process import ProcessContext
from receiver.service.source_slots import KnownSlots
from receiver.service.system_clock import SystemClock


def make(context: ProcessContext) -> IntakeProcess:
    """Make it; raises ``ConfigurationError``, and ``ValueError`` without a listener."""
    if context.listener is None:
        raise ValueError("the intake process needs a listener")
    sources = sources_for(context.settings, context.environ, "intake")
    kept_elsewhere = context.on_its_own and is_server(context.settings.journal.url)
    return IntakeProcess(
        context.settings,
        sources,
        context.journal,
        context.listener,
        context.wake_next,
        context.log,
        keeps=not kept_elsewhere,
    )


class IntakeProcess:
    """The public listener and the inbox."""

    def __init__(  # noqa: PLR0913, PLR0917  wired once
        self,
        settings: Settings,
        sources: Sources,
        journal: Journal,
        listener: socket.socket,
        wake: Callable[[], None],
        log: Log,
        *,
        keeps: bool = True,
    ) -> None:
        """``keeps``: whether old callbacks are let go here; where several take them, another process does that."""
        self._keeps = keeps
        self._settings = settings
        self._sources = _called(sources)
        self._journal = journal
        self._listener = listener
        self._wake = wake
        self._log = log
        self._metrics = IntakeMetrics()
        self._inbox: Inbox | None = None
        self._intake: Intake | None = None
        self._server: HttpServer | None = None
        self._stopping = False
        self._trouble = False
        self._lost_after = 0
        self._clock_watch = ClockWatch(SystemClock(), log, self._metrics.clock_jumps.inc)

    async def run(self) -> None:
        """Serve until ``stop``; then everything answered is committed, and the inbox is closed."""
        journal, server = self._settings.journal, self._settings.server
        limits = InboxLimits(journal.queue_max, journal.wal_bytes_max, journal.disk_free_bytes_min)
        slots = await asyncio.to_thread(KnownSlots, self._journal, self._sources)
        self._inbox = inbox = self._journal.inbox_writer(limits, slots)
        reader, outbox, rejects = self._journal.inbox(), self._journal.outbox(), self._journal.rejects(write=True)
        repeats = await asyncio.to_thread(self._known_repeats, reader, outbox)
        self._intake = intake = Intake(
            sources=self._sources,
            inbox=inbox,
            clock=SystemClock(),
            body_bytes_max=server.body_bytes_max,
            log=self._log,
            metrics=self._metrics,
            on_committed=self._wake,
            rejects=RejectSample(
                rejects,
                SystemClock(),
                kept_max=self._settings.rejects.kept_max,
                every_s=self._settings.rejects.every_s,
                log=self._log,
                known_fields={name: provider.known_fields for name, (provider, _) in self._sources.items()},
            ),
            repeats=repeats,
            rates=Rates(
                {one.name: one.rate_per_s for one in self._settings.sources if one.rate_per_s is not None},
                SystemClock(),
            ),
            stopping=self._stopping,
        )
        self._server = self._make_server(intake)
        if self._stopping:
            self._server.stop()
        retention = InboxRetention(
            entries=reader, outbox=outbox, inbox=inbox, clock=SystemClock(), days=journal.retention_days, log=self._log
        )
        # A connection of its own: one is for one thread at a time.
        old_rejects = self._journal.rejects(write=True)
        forgetting = RejectsRetention(old_rejects, SystemClock(), days=self._settings.rejects.keep_days, log=self._log)
        purging = [asyncio.create_task(one.run()) for one in (retention, forgetting) if self._keeps]
        try:
            await self._server.run_until_stopped()
        finally:
            for task in purging:
                task.cancel()
            await asyncio.gather(*purging, return_exceptions=True)
            for store in (reader, outbox, rejects, old_rejects):
                store.close()
            await asyncio.to_thread(inbox.close)

    def _known_repeats(self, inbox: InboxReader, outbox: Outbox) -> Repeats:
        repeats = Repeats()
        try:
            repeats.rebuild(inbox, outbox)
        except StoreFailed as error:  # what comes again is stored again, and becomes a duplicate
            self._log.warning("intake.repeats_unknown", why=str(error))
        return repeats

    def _make_server(self, intake: Intake) -> HttpServer:
        server = self._settings.server
        wanted, allowed = server.connections_max, connections_max(server.connections_max, raise_open_files())
        if allowed < wanted:
            self._log.warning(
                "intake.open_files_too_few",
                connections_max=allowed,
                detail=f"the hard limit of open files allows {allowed} connections where {wanted} are meant:"
                f" raise it to {wanted + FILES_KEPT} (ulimit -Hn, LimitNOFILE, --ulimit nofile)",
            )
        return HttpServer(
            make_app(intake),
            self._listener,
            shutdown_timeout_s=server.shutdown_timeout_s / 2,
            limits=Limits(
                connections_max=allowed,
                bodies_bytes_max=server.bodies_bytes_max,
                keep_alive_s=server.keep_alive_s,
                arrival_s=server.arrival_timeout_s,
                body_bytes_per_s_min=server.body_bytes_per_s_min,
                trusted=networks(server.trusted_proxies),
            ),
            notices=BoundedNotices(self._metrics, SystemClock(), self._log),
        )

    def stop(self) -> None:
        """Answer 503 to what comes from now on, and end when what was taken is answered."""
        self._stopping = True
        if self._intake is not None:
            self._intake.stopping = True
        if self._server is not None:
            self._server.stop()

    def wake(self) -> None:
        """Nothing: its callers wake it, no process does."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        self._sources = _called(sources_for(self._settings, environ, "intake"))
        if self._intake is not None:
            self._intake.sources = self._sources

    def status(self) -> dict[str, Any]:
        """The inbox's part of ``/readyz``."""
        self._clock_watch.check()
        if self._inbox is None:
            return {"state": "down", "detail": "starting"}
        why = "stopping" if self._stopping else self._inbox.trouble()
        self._note(why)
        figures = self._inbox.figures()
        if figures.lost_after != self._lost_after:
            self._lost_after = figures.lost_after
            self._metrics.losses += 1
            self._log.error("inbox.lost", after=figures.lost_after)
        return {
            "state": "up" if why is None else "down",
            "detail": why,
            "queued": figures.queued,
            "committed": figures.last_committed,
            "disk_free_bytes": figures.disk_free_bytes,
            "wal_bytes": figures.wal_bytes,
            "clock_jumps": self._clock_watch.jumps,
        }

    def _note(self, trouble: str | None) -> None:
        # The answer 503 says little on purpose; the reason is for the operator, once.
        if (trouble is not None) != self._trouble:
            self._trouble = trouble is not None
            if trouble is None:
                self._log.info("inbox.up")
            elif not self._stopping:
                self._log.error("inbox.down", detail=trouble)

    def metrics(self) -> bytes:
        """The intake process's metrics."""
        if self._inbox is not None:
            figures = self._inbox.figures()
            self._metrics.queued.set(figures.queued)
            self._metrics.disk_free.set(figures.disk_free_bytes or 0)
            self._metrics.wal.set(figures.wal_bytes or 0)
            self._metrics.unsafe_commits = figures.unsafe_commits
        if self._server is not None:
            self._metrics.connections(self._server.states())
            self._metrics.bodies.set(self._server.bodies_bytes())
        return metrics.render(self._metrics.registry)


def _called(sources: Sources) -> Sources:
    # A source that nobody calls has no URL: 404, as for one that is not configured.
    return {name: found for name, found in sources.items() if found[0].calls_back}
