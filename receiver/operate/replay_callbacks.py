"""Replay: stored callbacks to an HTTP receiver, as the provider would send them; stored events to a Kafka topic.

Theory of operation. Over HTTP the order of each operation is kept and operations go side by side: callbacks are dealt
to a number of senders by their operation, and each sender works through its own in order. What was answered 200 is
written down now and then, so that an interrupted run goes on where it stood; what was on its way meanwhile is sent
again, which a receiver takes for the repetition that it is. To Kafka, events go in transactions that hold the run's own
position: an interrupted run asks Kafka how far it came, and each event is there once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from receiver.model.callback import Headers, VerifiedCallback
from receiver.model.records import OutboxRecord, Position
from receiver.providers.contract import Sources
from receiver.publish.ports import Memory, Message

SENDERS = 32
"""Operations on their way at the same time."""
QUEUE_MAX = 64
"""Callbacks that wait for one sender: a bound on memory, whatever is replayed."""
ATTEMPTS_MAX = 5
RETRY_S = 0.5
TIMEOUT_S = 10.0
BATCH = 500
HOP_BY_HOP = frozenset({b"host", b"content-length", b"connection", b"transfer-encoding", b"expect", b"keep-alive"})
"""Of the connection it came by; the new one has its own."""


@dataclass(frozen=True, slots=True)
class Item:
    """One callback to send, in its place."""

    number: int
    order_key: str
    callback: VerifiedCallback


@dataclass(slots=True)
class Results:
    """What became of a run."""

    answers: Counter[str] = field(default_factory=Counter)
    done: int = 0
    failed: int = 0
    latencies_s: list[float] = field(default_factory=list)
    stopped: str = ""
    """Why it ended before its time."""


@dataclass(slots=True)
class Done:
    """Which of the numbers that were begun in ascending order have ended: all up to ``low``, and ``beyond``."""

    low: int = 0
    beyond: set[int] = field(default_factory=set)
    _begun: list[int] = field(default_factory=list)

    def begin(self, number: int) -> bool:
        """Whether this number is still to be done."""
        if number <= self.low or number in self.beyond:
            return False
        self._begun.append(number)
        return True

    def end(self, number: int) -> None:
        """It is done."""
        self.beyond.add(number)
        while self._begun and self._begun[0] in self.beyond:
            self.low = self._begun.pop(0)
            self.beyond.discard(self.low)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: so many times the original speed (0: as fast as it goes), and at most so many a second."""

    speed: float = 0.0
    rate: float | None = None
    failures_max: int = 20
    """Callbacks in a row that failed for good; then the run stops."""


class HttpReplay:
    """Sends callbacks to a receiver."""

    def __init__(
        self,
        url: str,
        targets: Sources,
        pace: Pace,
        done: Done,
        *,
        as_received: bool,
    ) -> None:
        """``targets``: source → how to sign for it anew; not looked at with ``as_received``."""
        self._url = url
        self._targets = targets
        self._pace = pace
        self._as_received = as_received
        self._row_of_failures = 0
        self._stop = asyncio.Event()
        self.done = done
        self.results = Results()

    def stop(self, why: str) -> None:
        """Begin no further callback."""
        self.results.stopped = self.results.stopped or why
        self._stop.set()

    async def run(self, items: Iterable[Item], advance: Callable[[int], None]) -> Results:
        """Send them all; returns when all are answered, or stopped."""
        queues: list[asyncio.Queue[Item | None]] = [asyncio.Queue(QUEUE_MAX) for _ in range(SENDERS)]
        limits = httpx.Limits(max_connections=SENDERS)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as client, asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(self._sender(client, queue, advance))
            started_s, first_us, begun = time.monotonic(), None, 0
            for item in items:
                if self._stop.is_set():
                    break
                if not self.done.begin(item.number):
                    continue
                first_us = item.callback.received_at_us if first_us is None else first_us
                begun += 1
                await self._wait(started_s, (item.callback.received_at_us - first_us) / 1e6, begun)
                await queues[hash(item.order_key) % SENDERS].put(item)
            for queue in queues:
                await queue.put(None)
        return self.results

    async def _wait(self, started_s: float, original_s: float, begun: int) -> None:
        due_s = started_s
        if self._pace.speed:
            due_s = max(due_s, started_s + original_s / self._pace.speed)
        if self._pace.rate:
            due_s = max(due_s, started_s + begun / self._pace.rate)
        delay_s = due_s - time.monotonic()
        if delay_s > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), delay_s)
            except TimeoutError:
                return
        else:
            await asyncio.sleep(0)

    async def _sender(
        self, client: httpx.AsyncClient, queue: asyncio.Queue[Item | None], advance: Callable[[int], None]
    ) -> None:
        while (item := await queue.get()) is not None:
            if self._stop.is_set():
                continue
            if await self._deliver(client, item.callback):
                self.results.done += 1
                self._row_of_failures = 0
                self.done.end(item.number)
            else:
                self.results.failed += 1
                self._row_of_failures += 1
                if self._row_of_failures >= self._pace.failures_max:
                    self.stop(f"{self._row_of_failures} callbacks in a row failed")
            advance(1)

    async def _deliver(self, client: httpx.AsyncClient, callback: VerifiedCallback) -> bool:
        for attempt in range(ATTEMPTS_MAX):
            started_s = time.perf_counter()
            try:
                answer = await client.post(
                    target_url(self._url, callback.source),
                    content=callback.body,
                    headers=list(self._headers(callback)),
                )
            except httpx.HTTPError as error:
                status, said = 0, type(error).__name__
            else:
                status, said = answer.status_code, str(answer.status_code)
                self.results.latencies_s.append(time.perf_counter() - started_s)
            self.results.answers[said] += 1
            if status == 200:
                return True
            if status and status != 503:
                return False
            if attempt + 1 < ATTEMPTS_MAX and not self._stop.is_set():
                await asyncio.sleep(RETRY_S)
        return False

    def _headers(self, callback: VerifiedCallback) -> Headers:
        if self._as_received:
            return tuple(pair for pair in callback.headers if pair[0] not in HOP_BY_HOP)
        provider, source = self._targets[callback.source]
        signed = provider.sign(callback.body, source, int(time.time()))
        names = {name for name, _ in signed} | provider.replaced_headers | HOP_BY_HOP
        return (*(pair for pair in callback.headers if pair[0] not in names), *signed)


def target_url(url: str, source: str) -> str:
    """Where a source's callbacks go: ``{source}`` is replaced; a bare host gets the receiver's own path."""
    if "{source}" in url:
        return url.replace("{source}", source)
    path = urlsplit(url).path.rstrip("/")
    if path == "":
        return f"{url.rstrip('/')}/webhooks/{source}"
    return f"{url.rstrip('/')}/{source}" if path.endswith("/webhooks") else url


class RunPublisher(Protocol):
    """A publisher with a memory of this run's own."""

    async def connect(self) -> Memory:
        """Give how far the run came."""

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Send a batch and the position that it reaches, in one transaction."""


async def publish_again(  # noqa: PLR0913, PLR0917  its parts
    publisher: RunPublisher,
    events: AsyncIterator[OutboxRecord],
    make: Callable[[OutboxRecord], Message],
    topic: str,
    run_id: str,
    advance: Callable[[int], None],
) -> int:
    """Publish stored events to ``topic`` with the header ``receiver-replay``; gives how many. Resumes by itself.

    The events' numbers ascend. Raises ``KafkaUnavailable``, ``KafkaFenced``, ``RecordRefused``: run it again then.
    """
    memory = await publisher.connect()
    reached = memory.position.number if memory.position is not None else -1
    sent, batch = 0, list[OutboxRecord]()

    async def flush() -> None:
        nonlocal sent
        if batch:
            messages = [_marked(make(record), topic, run_id) for record in batch]
            await publisher.publish(messages, Position(batch[-1].number, batch[-1].record_id))
            sent += len(batch)
            batch.clear()

    async for record in events:
        advance(1)
        if record.number <= reached:
            continue
        batch.append(record)
        if len(batch) >= BATCH:
            await flush()
    await flush()
    return sent


def _marked(message: Message, topic: str, run_id: str) -> Message:
    return replace(message, topic=topic, headers=(*message.headers, ("receiver-replay", run_id.encode())))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field → (what was published, what today's code would say), for the facts and not for the event's place."""
    ignored = {"event_id", "sequence", "revision", "effective", "anomalies", "received_at", "observed_via"}
    return {
        name: (before.get(name), after[name])
        for name in after
        if name not in ignored and before.get(name) != after[name]
    }
