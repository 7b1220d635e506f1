"""Repeats: what was seen is answered 200 and not stored again.

Nothing in some providers' callbacks expires, so whoever has captured one can send it a thousand times a second, and
each would be a row of the journal. A provider's own retry is a repeat too, with a newer time and signature perhaps. So
the intake process remembers by digest which contents it has committed last, and rebuilds that from the inbox's end when
it starts.

The content of a callback is its source and its body, and nothing else: no other part of it is read when it is
interpreted. The same content again could only become a duplicate, also where another came between the two
(``providers/mapping``, "Who wins"), so that nothing is lost with it. The exception is what nobody could read: after a
fix, and so after a restart, the same content may become an event. What is in quarantine is therefore not remembered
across a start, and its next repeat is stored.

A 200 still means safe. A repeat of what waits for its commit waits for the same commit, and is refused with it; where
the first one's request was given up before, the repeat takes its place. A crash forgets nothing that was committed. So
each content is stored once, or once more, and never not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from receiver.intake.metrics import IntakeMetrics
from receiver.journal.ports import InboxReader, Outbox
from receiver.model.callback import VerifiedCallback
from receiver.model.clock import Clock
from receiver.model.errors import Unavailable
from receiver.model.frozen import dataclass

REMEMBERED_MAX = 100_000
"""Contents: 15 MB of memory. What comes again after so many others is stored again, and becomes a duplicate."""
REBUILD_BYTES_MAX = 64 * 1024 * 1024
"""Of bodies that are read when the process starts: a few tenths of a second."""
REBUILD_STEP = 1000
"""Callbacks in one reading, which holds up nobody."""
LINES_PER_S = 10
"""Log lines for repeats; the rest is counted."""

Append = Callable[[VerifiedCallback], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback that is safe."""

    number: int
    """The inbox number of its content."""
    repeated: bool
    """Whether the content was there before."""


class Repeats:
    """The contents that were committed last, and those that are on their way. For one event loop."""

    def __init__(self, remembered_max: int = REMEMBERED_MAX) -> None:
        self._remembered_max = remembered_max
        self._committed: OrderedDict[bytes, int] = OrderedDict()
        """Digest → inbox number, the oldest first."""
        self._waiting: dict[bytes, asyncio.Future[int | str | None] | None] = {}
        """Digest → what tells the repeats that wait for it, None while there are none: its number once it is committed,
        or why it was refused, or None where its request was given up."""

    def rebuild(self, inbox: InboxReader, outbox: Outbox) -> None:
        """Remember the newest contents of the inbox but for those in quarantine; raises ``StoreFailed``."""
        found: list[tuple[bytes, int]] = []
        below, bytes_left = inbox.last_number() + 1, REBUILD_BYTES_MAX
        while len(found) < self._remembered_max and bytes_left > 0:
            step = inbox.bodies_below(below, REBUILD_STEP)
            if not step:
                break
            below = step[-1][0]
            unread = outbox.in_quarantine_between(below, step[0][0])
            found += [(content_digest(source, body), at) for at, source, body in step if at not in unread]
            bytes_left -= sum(len(body) for _, _, body in step)
        for digest, number in reversed(found):
            self._remember(digest, number)

    async def keep(self, callback: VerifiedCallback, append: Append) -> Kept:
        """Have the callback appended unless its content is safe already; raises what ``append`` raises."""
        digest = content_digest(callback.source, callback.body)
        number = self._committed.get(digest)
        while number is None and digest in self._waiting:
            number = await self._outcome(digest) or self._committed.get(digest)
        if number is not None:
            return Kept(number, repeated=True)
        self._waiting[digest] = None
        outcome: int | str | None = None
        try:
            outcome = await append(callback)
        except Unavailable as refused:
            outcome = refused.why
            raise
        else:
            self._remember(digest, outcome)
            return Kept(outcome, repeated=False)
        finally:
            told = self._waiting.pop(digest)
            if told is not None:
                told.set_result(outcome)

    async def _outcome(self, digest: bytes) -> int | None:
        # The number of what waits for its commit, None where its request was given up; refused with it.
        told = self._waiting[digest]
        if told is None:
            told = self._waiting[digest] = asyncio.get_running_loop().create_future()
        outcome = await asyncio.shield(told)
        if isinstance(outcome, str):
            raise Unavailable(outcome)
        return outcome

    def _remember(self, digest: bytes, number: int) -> None:
        self._committed[digest] = number
        if len(self._committed) > self._remembered_max:
            self._committed.popitem(last=False)


def content_digest(source: str, body: bytes) -> bytes:
    """SHA-256 of what makes a callback another one than those before it: its source and its body."""
    return hashlib.sha256(b"%s\0%s" % (source.encode(), body)).digest()  # the zero is in no source's name


class RepeatLog:
    """Counts repeats, and tells of some of them: at most ``LINES_PER_S``, the next line says how many were left out."""

    def __init__(self, clock: Clock, log: Any, metrics: IntakeMetrics) -> None:
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._second = -1
        self._lines = self._suppressed = 0

    def note(self, source: str, number: int, received_at_us: int) -> None:
        """The content of callback ``number`` came again."""
        self._metrics.repeated(source, received_at_us)
        second = int(self._clock.monotonic_s())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_PER_S:
            self._suppressed += 1
            return
        suppressed, self._suppressed = self._suppressed, 0
        more = {"suppressed": suppressed} if suppressed else {}
        self._log.info("callback.repeated", source=source, callback=number, **more)
