"""The traces process, wired: it follows the outbox and tells an OpenTelemetry collector, where one is configured.

A process of its own, which gives way to all others: measured, a span costs as much as taking a callback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from receiver.journal.ports import Outbox
from receiver.model.clock import Clock
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.log import Log
from receiver.service import metrics
from receiver.service.config.settings import Settings
from receiver.service.process import ProcessContext
from receiver.service.system_clock import SystemClock
from receiver.trace.follower import TraceFollower
from receiver.trace.metrics import TraceMetrics
from receiver.trace.otlp import OtlpCollector
from receiver.trace.ports import Collector

ROUND_S = 0.25
"""Between two looks at the outbox: how much later than true a span may end."""


def make(context: ProcessContext) -> TracesProcess:
    """Make it; raises ``JournalError``, ``StoreFailed``."""
    settings, journal = context.settings, context.journal
    assert settings.traces.endpoint is not None, "the supervisor starts it only with an endpoint"  # noqa: S101
    collector = OtlpCollector(settings.traces.endpoint, version("exchange-webhook-receiver"), journal.journal_id)
    return TracesProcess(settings, journal.outbox(), collector, context.log)


class TracesProcess:
    """The follower, in a thread of its own."""

    def __init__(
        self, settings: Settings, outbox: Outbox, collector: Collector, log: Log, clock: Clock | None = None
    ) -> None:
        self._log = log
        self._metrics = TraceMetrics()
        self._outbox, self._collector = outbox, collector
        self._thread = ThreadPoolExecutor(1, "traces")
        self._stop = asyncio.Event()
        self._follower = TraceFollower(
            outbox=outbox,
            collector=collector,
            ratio=settings.traces.sample_ratio,
            publishes=settings.kafka is not None,
            clock=clock or SystemClock(),
            log=log,
            metrics=self._metrics,
        )

    async def run(self) -> None:
        """Follow until ``stop``."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            more = await loop.run_in_executor(self._thread, self._step)
            if not more:
                await self._pause()
        self._collector.close()
        self._outbox.close()
        self._thread.shutdown()

    def _step(self) -> bool:
        try:
            return self._follower.step()
        except (StoreFailed, JournalError) as error:
            self._log.error("traces.refused", why=str(error))
        except Exception:  # noqa: BLE001  a bug here costs spans, and must not end a service
            self._log.exception("traces.bug")
        return False

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), ROUND_S)
        except TimeoutError:
            return

    def stop(self) -> None:
        """End after the request under way."""
        self._stop.set()

    def wake(self) -> None:
        """Nothing: it looks at the outbox by itself, every ``ROUND_S``."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Nothing: it has no secrets."""

    def status(self) -> dict[str, Any]:
        """Of no part of ``/readyz``: nobody is to be kept from callbacks for want of spans."""
        return {"collector": "away" if self._follower.away else "up"}

    def metrics(self) -> bytes:
        """The traces process's metrics."""
        return metrics.render(self._metrics.registry)
