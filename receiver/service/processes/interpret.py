"""The interpret process, wired: from the inbox and the requests to the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from receiver.interpret.loop import POLL_S, InterpreterLoop
from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.poison import from_document
from receiver.interpret.silence import SilenceWatch
from receiver.interpret.watchdog import limited
from receiver.journal.backlog import BacklogAge
from receiver.journal.entries import Stores
from receiver.journal.retention import OutboxRetention
from receiver.operate.context import make_interpreter
from receiver.service import metrics
from receiver.service.own_secrets import sources_for
from receiver.service.process import ProcessContext
from receiver.service.system_clock import SystemClock
from receiver.service.wiring import make_context


def make(context: ProcessContext) -> InterpretProcess:
    """Make it; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return InterpretProcess(context)


class InterpretProcess:
    """The interpreter and its loop, and what is done between two batches."""

    def __init__(self, context: ProcessContext) -> None:
        """``context.wake_next`` is called after each commit to the outbox."""
        settings, journal, log = context.settings, context.journal, context.log
        self._settings = settings
        self._metrics = InterpretMetrics()
        self._stores = Stores(journal.inbox(), journal.requests(), journal.outbox(write=True))
        self._status_inbox, self._status_outbox = journal.inbox(), journal.outbox()
        self._marks = journal.marks()
        self._marks.set(0, 0)
        self._interpreter = make_interpreter(
            replace(
                make_context(settings, context.environ, lambda: journal, log),
                open_sources=lambda: sources_for(settings, context.environ, "interpret"),
            ),
            self._stores,
            metrics=self._metrics,
            suspects=from_document(self._marks.lessons()),
            mark=self._marks.set,
            limited=limited if context.on_its_own else nullcontext,
        )
        retention = OutboxRetention(
            stores=self._stores,
            clock=SystemClock(),
            days=settings.journal.retention_days,
            contents_days=settings.journal.contents_days,
            log=log,
        )
        self._loop = InterpreterLoop(
            self._interpreter,
            wait_s=(settings.kafka.wait_ms if settings.kafka else 0) / 1000,
            on_records=context.wake_next,
            log=log,
            chores=retention.step,
            # Into a slot others append, and cannot wake this process.
            poll_s=POLL_S if journal.held is None else settings.journal.poll_ms / 1000,
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
        """Interpret until ``stop``; then what the inbox holds is interpreted still."""
        await self._loop.run()
        self._stores.close()
        for store in (self._status_outbox, self._status_inbox, self._marks):
            store.close()

    def wake(self) -> None:
        """The inbox has something new."""
        self._loop.wake()

    def stop(self) -> None:
        """Empty the inbox, then end."""
        self._loop.stop()

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""
        self._interpreter.sources = sources_for(self._settings, environ, "interpret")

    def status(self) -> dict[str, Any]:
        """The interpret process's part of ``/readyz``."""
        done = self._interpreter.interpreted
        self._silence.check()
        self._age.measure(lambda: next((at_us for _, at_us in self._status_inbox.ages(done, 1)), None))
        return {
            "uninterpreted": self._status_inbox.waiting(done),
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
