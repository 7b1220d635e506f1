"""Keeping a sample of what was refused: at most one in a while, off the event loop, and never at a caller's pace.

A while is one of each source and reason, so that junk of one kind takes no other one's turn. How near a callback is to
a genuine one is guessed from the provider's field names in its body, as bytes: it is not parsed. Whoever knows the
names can write them; the store then keeps some of each hour.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Protocol

from receiver.model.callback import RawCallback
from receiver.model.clock import Clock
from receiver.model.errors import JournalError, StoreFailed

NEAR_MAX = 3
"""Known names in a body, from which on it looks like one of the provider's."""
_NOTHING: Mapping[str, frozenset[str]] = {}


class Store(Protocol):
    """Where the sample is kept."""

    def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
        """Keep one, and at most ``kept_max`` of all."""


class RejectSample:
    """Decides which refused callback is kept, and keeps it."""

    def __init__(  # noqa: PLR0913  its store, and what it goes by
        self,
        store: Store,
        clock: Clock,
        *,
        kept_max: int,
        every_s: float,
        log: Any,
        known_fields: Mapping[str, frozenset[str]] = _NOTHING,
    ) -> None:
        """``known_fields`` are those of each source's provider."""
        self._store = store
        self._clock = clock
        self._known_fields = known_fields
        self._kept_max = kept_max
        self._every_s = every_s
        self._log = log
        self._last_s: dict[tuple[str, str], float] = {}
        self._writing: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()

    def wants(self, source: str, why: str) -> bool:
        """Whether the next callback is to be kept that a configured source refuses so; asked once for each."""
        now_s, kind = self._clock.monotonic_s(), (source, why)
        if self._kept_max == 0 or kind in self._writing or now_s - self._last_s.get(kind, -math.inf) < self._every_s:
            return False
        self._last_s[kind] = now_s
        return True

    def keep(self, raw: RawCallback, why: str) -> None:
        """Keep one that was wanted; what the disk refuses is not kept."""
        kind = (raw.source, why)
        self._writing[kind] = task = asyncio.get_running_loop().create_task(self._write(raw, why))
        task.add_done_callback(lambda _: self._writing.pop(kind, None))

    async def _write(self, raw: RawCallback, why: str) -> None:
        try:
            async with self._one_at_a_time:
                await asyncio.to_thread(self._add, raw, why)
        except (StoreFailed, JournalError) as error:
            self._log.warning("reject.not_kept", why=str(error))

    def _add(self, raw: RawCallback, why: str) -> None:
        self._store.add(raw, why, self._kept_max, nearness(raw.body, self._known_fields.get(raw.source, frozenset())))


def nearness(body: bytes, known_fields: frozenset[str]) -> int:
    """How much a body looks like a provider's: how many of its fields' names stand in it, up to ``NEAR_MAX``."""
    return min(NEAR_MAX, sum(f'"{name}"'.encode() in body for name in known_fields))
