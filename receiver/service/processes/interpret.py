"""The interpret process, wired: from the inbox and the requests to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.loop import InterpreterLoop
from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.poison_files import BatchMark, read_suspects
from receiver.interpret.silence import SilenceWatch
from receiver.journal.backlog import BacklogAge
from receiver.journal.retention import OutboxRetention
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.journal import Journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.providers.contract import Sources
from receiver.service import metrics
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.process import ProcessContext
from receiver.service.system_clock import SystemClock

WITHOUT_KAFKA_BYTES_MAX = 1_000_000
"""An event's limit where no Kafka is configured yet: the default of ``kafka.record_bytes_max``."""


def make(context: ProcessContext) -> InterpretProcess:
    """Make it; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    sources = resolve_sources(context.settings, context.environ)
    return InterpretProcess(context.settings, sources, context.journal, context.wake_next, context.log)


class InterpretProcess:
    """The interpreter with its stores, its loop, and what is measured of it."""

    def __init__(
        self, settings: Settings, sources: Sources, journal: Journal, on_records: Callable[[], None], log: Any
    ) -> None:
        """``on_records`` is called after each commit to the outbox."""
        self._settings = settings
        self._metrics = InterpretMetrics()
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
            self._status_outbox.last_heard,
            {source.name: source.silence_warn_s for source in settings.sources},
            SystemClock(),
            log,
            lambda source, silent_s: self._metrics.source_silent.labels(source).set(silent_s),
        )
        self._age = BacklogAge(settings.journal.backlog_warn_s, SystemClock(), log, "interpret.backlog")

    async def run(self) -> None:
        """Interpret until ``stop``, and then what the inbox holds still; close the stores."""
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
        """End once all that the inbox holds is interpreted."""
        self._loop.stop()

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        self._interpreter.sources = resolve_sources(self._settings, environ)

    def status(self) -> dict[str, Any]:
        """The interpret process's part of ``/readyz``."""
        done = self._interpreter.interpreted
        self._silence.check()
        self._age.measure(lambda: next((at_us for _, at_us in self._status_inbox.ages(done, 1)), None))
        return {
            "uninterpreted": max(0, self._status_inbox.last_number() - done),
            "interpreted": done,
            "recorded": self._status_outbox.last_number(),
            "detail": self._loop.detail,
        }

    def metrics(self) -> bytes:
        """The interpret process's metrics."""
        said = self.status()
        self._metrics.uninterpreted.set(said["uninterpreted"])
        self._metrics.uninterpreted_age.set(self._age.seconds)
        return metrics.render(self._metrics.registry)
