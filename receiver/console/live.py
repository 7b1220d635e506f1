"""The tail in browsers: one reader of the outbox for all who listen, and none while nobody does.

What came is written down once and sent to each listener in one piece, since twenty of them cost a busy service twenty
times what one does. A listener that does not keep up is not waited for: what no longer fits its queue is counted, and
it is told how many it missed. One that reads nothing for too long is dropped, so that it keeps no place from others;
its browser comes back by itself once it reads again. Whoever comes is shown what comes from then on; the page itself
has the newest before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import orjson
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.responses import PlainTextResponse, Response

from receiver.console.following import Following
from receiver.console.metrics import ConsoleMetrics
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.operation import operation_key
from receiver.model.records import OutboxRecord
from receiver.operate.context import Context

LISTENERS_MAX = 20
QUEUE_MAX = 200
"""Events that wait for one listener."""
SKIPPED_MAX = 20_000
"""Events in a row that a listener has no room for before it is dropped: twenty seconds of a busy service. One that
reads any meanwhile is told how many it missed, and is counted anew."""
LOOK_S = 0.2
STEP = 500
PING_S = 15
"""So that a proxy does not take a quiet tail for a dead one."""
RETRY_MS = 3000
"""After which a browser comes back whose tail was cut off."""
FIELDS = ("source", "provider", "family", "kind", "status", "record_type")
"""What a listener may choose by."""


@dataclass(eq=False, slots=True)
class Listener:
    """One browser."""

    wanted: Mapping[str, str]
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    skipped: int = 0

    def offer(self, row: Mapping[str, Any], message: bytes) -> bool:
        """Give it the ``message`` of an event that it wants; False where it is too slow for it."""
        if any(row[name] != value for name, value in self.wanted.items()):
            return True
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.skipped += 1
            return False
        return True

    def end(self) -> None:
        """Send it away: nothing waits for it any more but the end."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

    async def taken(self) -> bytes:
        """All that waits for it, once anything does, as one piece; empty where it was sent away."""
        first = await self.queue.get()
        waiting = [first] + [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        if None in waiting:
            return b""
        missed = [message("skipped", str(self.skipped))] if self.skipped else []
        self.skipped = 0
        return b"".join([*missed, *(one for one in waiting if one is not None)])


class Live:
    """The reader, and who listens. It belongs to one event loop."""

    def __init__(self, context: Context, metrics: ConsoleMetrics) -> None:
        self._context = context
        self._metrics = metrics
        self._listeners: set[Listener] = set()
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    def answer(self, fields: Mapping[str, str]) -> Response:
        """A stream of events for one browser; 503 where too many listen already."""
        if self._closed or len(self._listeners) >= LISTENERS_MAX:
            return PlainTextResponse(f"{LISTENERS_MAX} browsers listen already: try again later", 503)
        listener = Listener({name: fields[name] for name in FIELDS if name in fields})
        return EventSourceResponse(self.events(listener), ping=PING_S, headers={"x-accel-buffering": "no"})

    async def events(self, listener: Listener) -> AsyncIterator[bytes]:
        """What one listener is sent, in pieces of one message or more, until it goes or the console ends."""
        self._listeners.add(listener)
        self._metrics.listeners.set(len(self._listeners))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        try:
            # At once: the answer's head goes out with the first of its body.
            yield ServerSentEvent(retry=RETRY_MS).encode()
            while not self._closed and (piece := await listener.taken()):
                yield piece
        finally:
            self._listeners.discard(listener)
            self._metrics.listeners.set(len(self._listeners))

    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def offer(self, record: OutboxRecord) -> None:
        """Give a record to all who want it."""
        row = as_row(record)
        told = message("record", orjson.dumps(row).decode(), str(record.number))
        for listener in tuple(self._listeners):
            if not listener.offer(row, told):
                self._metrics.skipped.inc()
                if listener.skipped > SKIPPED_MAX:
                    self._drop(listener)

    def _drop(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._metrics.listeners.set(len(self._listeners))
        listener.end()
        self._context.log.info("console.listener_dropped", missed=listener.skipped)

    def close(self) -> None:
        """Send everybody away."""
        self._closed = True
        for listener in self._listeners:
            listener.end()
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        # In a thread of its own, since a store belongs to one and is kept open here.
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "console-tail")
        following: Following | None = None
        try:
            following = await loop.run_in_executor(thread, Following, self._context.journal)
            while self._listeners:
                came = await loop.run_in_executor(thread, following.look, STEP)
                for record in came.records:
                    self.offer(record)
                if not came.more:
                    await asyncio.sleep(LOOK_S)
        except (JournalError, StoreFailed) as error:
            self._context.log.error("console.tail_failed", why=str(error))
        finally:
            if following is not None:
                with contextlib.suppress(RuntimeError):
                    thread.submit(following.close)
            thread.shutdown(wait=False)


def message(event: str, data: str, number: str | None = None) -> bytes:
    """One message as it is sent."""
    return ServerSentEvent(data, event=event, id=number).encode()


def as_row(record: OutboxRecord) -> dict[str, Any]:
    """What a row of the tail shows."""
    about = orjson.loads(record.value) if record.record_type == "event" else {}
    return {
        "number": record.number,
        "record_type": record.record_type,
        "received_at": record.received_at,
        "source": record.source,
        "provider": record.provider,
        "family": record.family,
        "kind": record.kind,
        "status": record.status,
        "money": money(about),
        "operation_id": record.operation_id,
        "key": key_of(record),
        "sequence": about.get("sequence"),
        "provider_status": about.get("provider_status", ""),
        "effective": record.effective,
        "anomalies": about.get("anomalies", []),
        "simulated": record.simulated,
        "callback": record.callback,
    }


def money(event: Mapping[str, Any]) -> str:
    """What went in and what comes out, with the digits as sent: ``100.25 USDT → 0.05 ETH``; empty without any."""
    parts = []
    for names in (("spent",), ("payout", "received")):
        part = next((event[name] for name in names if (event.get(name) or {}).get("amount")), None)
        if part is not None:
            parts.append(f"{part['amount']} {part.get('currency') or ''}".strip())
    return " → ".join(parts)


def key_of(record: OutboxRecord) -> str:
    """The key of an event's operation; empty for what is no event."""
    if record.record_type != "event":
        return ""
    return operation_key(record.provider, record.account, record.kind, record.operation_id)
