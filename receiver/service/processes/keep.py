"""The keep process, wired: on a journal that several share, the one that lets old callbacks and samples go.

Each process that takes callbacks does that itself where it is the only one. Old events go with the slot that they are
in: its interpret process does it between two batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from receiver.journal.ports import InboxLimits
from receiver.journal.retention import InboxRetention, PartsAhead, RejectsRetention
from receiver.service import metrics
from receiver.service.process import ProcessContext
from receiver.service.system_clock import SystemClock


def make(context: ProcessContext) -> KeepProcess:
    """Make it; raises nothing, since stores are opened when it runs."""
    return KeepProcess(context)


class KeepMetrics:
    """One number: who has this to do."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        Gauge("receiver_keeper", "1 where old callbacks are let go", registry=self.registry).set(1)


class KeepProcess:
    """Retention by age, for all slots."""

    def __init__(self, context: ProcessContext) -> None:
        self._context = context
        self._stop = asyncio.Event()
        self._metrics = KeepMetrics()

    async def run(self) -> None:
        """Let go what is old, every ten minutes, until ``stop``; raises ``JournalError``, ``StoreFailed``.

        Also whatever ends one of its works: a process that does nothing any more would keep the lease from others.
        """
        settings, journal, log = self._context.settings, self._context.journal, self._context.log
        inbox, reader, outbox = journal.inbox_writer(InboxLimits()), journal.inbox(), journal.outbox()
        rejects = journal.rejects(write=True)
        days = settings.journal.retention_days
        old_parts, next_parts = journal.parts(), journal.parts()  # each for a thread of its own
        old = InboxRetention(
            entries=reader, outbox=outbox, inbox=inbox, clock=SystemClock(), days=days, log=log, parts=old_parts
        )
        ahead = PartsAhead(next_parts, days=days, log=log)
        samples = RejectsRetention(rejects, SystemClock(), days=settings.rejects.keep_days, log=log)
        works = [asyncio.create_task(work) for work in (old.run(), ahead.run(), samples.run(), self._stop.wait())]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            for store in (reader, outbox, rejects, old_parts, next_parts):
                store.close()
            await asyncio.to_thread(inbox.close)

    def stop(self) -> None:
        """End; what goes in one step has gone or has not."""
        self._stop.set()

    def wake(self) -> None:
        """Nothing: it looks every ten minutes."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Nothing: it has no secrets but the journal's keys."""

    def status(self) -> dict[str, Any]:
        """Of no part of ``/readyz``."""
        return {}

    def metrics(self) -> bytes:
        """That it is here: one service of all has it."""
        return metrics.render(self._metrics.registry)
