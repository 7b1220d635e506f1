"""One reconciler on a journal of its own, for tests: its stores and its HTTP are real, waiting takes no time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.journal.sqlite.watchlist import SqliteWatchlist
from receiver.providers.contract import Provider, Source
from receiver.reconcile.http_client import HttpClient
from receiver.reconcile.metrics import ReconcileMetrics
from receiver.reconcile.reconciler import Pace, Reconciler
from receiver.sandbox.fakes import FakeClock
from receiver.service.metrics import render
from tests.support import Lines


class Desk:
    """One reconciler on a journal of its own; time is real, waiting is not."""

    def __init__(self, folder: Path, provider: Provider, source: Source, **pace: float) -> None:
        open_journal(folder)
        self.watch = SqliteWatchlist(folder)
        self.requests = SqliteRequests.open(folder, read_only=True)
        self.http = HttpClient()
        self.clock = FakeClock()
        self.log, self.metrics = Lines(), ReconcileMetrics()
        self.waits: list[float] = []
        self.reconciler = Reconciler(
            provider,
            source,
            Pace(**{"requests_per_s": 1e6, "timeout_s": 20.0} | pace),
            watch=self.watch,
            newest_callback=lambda: 41,
            http=self.http,
            in_thread=self._here,
            clock=self.clock,
            log=self.log,
            metrics=self.metrics,
            chance=random.Random(1),
            sleep=self._sleep,
        )

    async def _here(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def learnt(self) -> list[tuple[str, str]]:
        """(operation, body) of each request so far."""
        return [(one.payload["operation"], one.payload["body"]) for one in self.requests.read(0, 10_000)]

    def count(self, answer: str) -> float:
        """How many calls came to this."""
        name = f'answer="{answer}"'
        said = render(self.metrics.registry).decode().splitlines()
        lines = [one for one in said if one.startswith("receiver_polls_total")]
        return sum(float(one.rpartition(" ")[2]) for one in lines if name in one)
