"""Two parts of the way, wired: the web process, up to the inbox, and the relay process, from there to the outbox."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

from receiver.intake.clock_watch import ClockWatch
from receiver.intake.http_server import HttpServer
from receiver.intake.metrics import WebMetrics
from receiver.intake.rejects import RejectSample
from receiver.intake.webhook import Web, make_app
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.loop import InterpreterLoop
from receiver.interpret.metrics import RelayMetrics
from receiver.interpret.poison_files import BatchMark, read_suspects
from receiver.interpret.silence import SilenceWatch
from receiver.journal.backlog import Waiting
from receiver.journal.retention import InboxRetention, OutboxRetention
from receiver.journal.sqlite.inbox_writer import Limits, SqliteInbox, SqliteInboxReader
from receiver.journal.sqlite.journal import Journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.rejects import SqliteRejects
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.providers.contract import Provider, Source
from receiver.service import metrics
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.system_clock import SystemClock

Sources = Mapping[str, tuple[Provider, Source]]

WITHOUT_KAFKA_BYTES_MAX = 1_000_000
"""An event's limit where no Kafka is configured yet: the default of ``kafka.record_bytes_max``."""


class WebPart:
    """The public listener and the inbox."""

    def __init__(  # noqa: PLR0913, PLR0917  wired once
        self,
        settings: Settings,
        sources: Sources,
        journal: Journal,
        listener: socket.socket,
        wake: Callable[[], None],
        log: Any,
    ) -> None:
        self._settings = settings
        self._sources = _called(sources)
        self._journal = journal
        self._listener = listener
        self._wake = wake
        self._log = log
        self._metrics = WebMetrics()
        self._inbox: SqliteInbox | None = None
        self._web: Web | None = None
        self._server: HttpServer | None = None
        self._stopping = False
        self._clock_watch = ClockWatch(SystemClock(), log, self._metrics.clock_jumps.inc)

    async def run(self) -> None:
        """Serve until ``stop``; then everything answered is committed, and the inbox is closed."""
        journal, server = self._settings.journal, self._settings.server
        limits = Limits(journal.queue_max, journal.wal_bytes_max, journal.disk_free_bytes_min)
        self._inbox = inbox = SqliteInbox(self._journal.folder, limits)
        self._web = web = Web(
            sources=self._sources,
            inbox=inbox,
            clock=SystemClock(),
            body_bytes_max=server.body_bytes_max,
            log=self._log,
            metrics=self._metrics,
            on_committed=self._wake,
            rejects=RejectSample(
                SqliteRejects(self._journal.folder),
                SystemClock(),
                kept_max=self._settings.rejects.kept_max,
                every_s=self._settings.rejects.every_s,
                log=self._log,
            ),
            stopping=self._stopping,
        )
        self._server = HttpServer(
            make_app(web),
            self._listener,
            keep_alive_s=server.keep_alive_s,
            shutdown_timeout_s=server.shutdown_timeout_s / 2,
        )
        if self._stopping:
            self._server.stop()
        reader, outbox = (
            SqliteInboxReader(self._journal.folder),
            SqliteOutbox.open(self._journal.folder, read_only=True),
        )
        retention = InboxRetention(
            entries=reader, outbox=outbox, inbox=inbox, clock=SystemClock(), days=journal.retention_days, log=self._log
        )
        purging = asyncio.create_task(retention.run())
        try:
            await self._server.run_until_stopped()
        finally:
            purging.cancel()
            await asyncio.gather(purging, return_exceptions=True)
            await asyncio.to_thread(inbox.close)

    def stop(self) -> None:
        """Answer 503 to what comes from now on, and end when what was taken is answered."""
        self._stopping = True
        if self._web is not None:
            self._web.stopping = True
        if self._server is not None:
            self._server.stop()

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        self._sources = _called(resolve_sources(self._settings, environ))
        if self._web is not None:
            self._web.sources = self._sources

    def status(self) -> dict[str, Any]:
        """The inbox's part of ``/readyz``."""
        self._clock_watch.look()
        if self._inbox is None:
            return {"state": "down", "detail": "starting"}
        why = "stopping" if self._stopping else self._inbox.accepting()
        return {
            "state": "up" if why is None else "down",
            "detail": why,
            "queued": self._inbox.queued,
            "committed": self._inbox.last_committed,
            "disk_free_bytes": self._inbox.disk_free_bytes,
            "wal_bytes": self._inbox.wal_bytes,
            "clock_jumps": self._clock_watch.jumps,
        }

    def metrics(self) -> bytes:
        """The web process's metrics."""
        if self._inbox is not None:
            self._metrics.queued.set(self._inbox.queued)
            self._metrics.disk_free.set(self._inbox.disk_free_bytes)
            self._metrics.wal.set(self._inbox.wal_bytes)
        return metrics.render(self._metrics.registry)


class RelayPart:
    """The interpreter."""

    def __init__(
        self, settings: Settings, sources: Sources, journal: Journal, on_records: Callable[[], None], log: Any
    ) -> None:
        """``on_records`` is called after each commit to the outbox."""
        self._settings = settings
        self._metrics = RelayMetrics()
        self._inbox = SqliteInboxReader(journal.folder)
        self._status_inbox = SqliteInboxReader(journal.folder)
        self._requests = SqliteRequests.open(journal.folder, read_only=True)
        self._outbox = SqliteOutbox.open(journal.folder)
        self._status_outbox = SqliteOutbox.open(journal.folder, read_only=True)
        self._mark = BatchMark(journal.folder)
        kafka = settings.kafka
        self._interpreter = Interpreter(
            inbox=self._inbox,
            requests=self._requests,
            outbox=self._outbox,
            sources=sources,
            record_bytes_max=kafka.record_bytes_max if kafka else WITHOUT_KAFKA_BYTES_MAX,
            publish_body=settings.quarantine.publish_body,
            log=log,
            metrics=self._metrics,
            suspects=read_suspects(journal.folder),
            mark=self._mark.set,
        )
        wait_s = (kafka.wait_ms if kafka else 0) / 1000
        retention = OutboxRetention(
            entries=self._inbox,
            outbox=self._outbox,
            clock=SystemClock(),
            days=settings.journal.retention_days,
            contents_days=settings.journal.contents_days,
            log=log,
        )
        self._loop = InterpreterLoop(
            self._interpreter, wait_s=wait_s, on_records=on_records, log=log, chores=retention.step
        )
        self._silence = SilenceWatch(
            self._status_outbox.heard,
            {source.name: source.silence_warn_s for source in settings.sources},
            SystemClock(),
            log,
            lambda source, silent_s: self._metrics.source_silent.labels(source).set(silent_s),
        )
        self._age = Waiting(settings.journal.backlog_warn_s, SystemClock(), log, "uninterpreted_s")

    async def run(self) -> None:
        """Interpret until ``stop``; then what the inbox holds is interpreted still."""
        await self._loop.run()
        self._outbox.close()
        self._status_outbox.close()
        self._inbox.close()
        self._requests.close()
        self._status_inbox.close()
        self._mark.close()

    def wake(self) -> None:
        """The inbox has something new."""
        self._loop.wake()

    def stop(self) -> None:
        """End after the batch under way."""
        self._loop.stop()

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        self._interpreter.sources = resolve_sources(self._settings, environ)

    def status(self) -> dict[str, Any]:
        """The relay's part of ``/readyz``."""
        done = self._interpreter.interpreted
        self._silence.look()
        self._age.look(lambda: next((at_us for _, at_us in self._status_inbox.ages(done, 1)), None))
        return {
            "uninterpreted": max(0, self._status_inbox.last_number() - done),
            "interpreted": done,
            "recorded": self._status_outbox.last_number(),
            "detail": self._loop.detail,
        }

    def metrics(self) -> bytes:
        """The relay process's metrics."""
        said = self.status()
        self._metrics.uninterpreted.set(said["uninterpreted"])
        self._metrics.uninterpreted_age.set(self._age.seconds)
        return metrics.render(self._metrics.registry)


def _called(sources: Sources) -> Sources:
    # A source that nobody calls has no URL: 404, as for one that is not configured.
    return {name: found for name, found in sources.items() if found[0].calls_back}
