"""Keeping a sample of what was refused: at most one in a while, off the event loop, and never at a caller's pace."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Protocol

from receiver.model.callback import RawCallback
from receiver.model.clock import Clock
from receiver.model.errors import JournalError, StoreFailed


class Store(Protocol):
    """Where the sample is kept."""

    def add(self, raw: RawCallback, why: str, kept_max: int) -> None:
        """Keep one, and forget all but the newest ``kept_max``."""


class RejectSample:
    """Decides which refused callback is kept, and keeps it."""

    def __init__(self, store: Store, clock: Clock, *, kept_max: int, every_s: float, log: Any) -> None:
        self._store = store
        self._clock = clock
        self._kept_max = kept_max
        self._every_s = every_s
        self._log = log
        self._last_s = -math.inf
        self._writing: set[asyncio.Task[None]] = set()

    def wants(self) -> bool:
        """Whether the next refused callback is to be kept; asked once for each."""
        now_s = self._clock.monotonic_s()
        if self._kept_max == 0 or self._writing or now_s - self._last_s < self._every_s:
            return False
        self._last_s = now_s
        return True

    def keep(self, raw: RawCallback, why: str) -> None:
        """Keep one that was wanted; what the disk refuses is not kept."""
        task = asyncio.get_running_loop().create_task(self._write(raw, why))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, raw: RawCallback, why: str) -> None:
        try:
            await asyncio.to_thread(self._store.add, raw, why, self._kept_max)
        except (StoreFailed, JournalError) as error:
            self._log.warning("reject.not_kept", why=str(error))
