"""The interpreter: from the inbox to the outbox, in order, one batch and one commit at a time.

Theory of operation. A batch of callbacks is read, understood by the pure ``interpret``, given its place by the pure
``lifecycle``, and committed together with the number of the last callback read: a crash repeats the batch and not its
effect. A callback that cannot be understood becomes a quarantine record in the same order. A callback on which our own
code fails is quarantined as ``internal_error``, with its traceback in the log, and the line goes on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from receiver.callback import Headers, InboxEntry, entry_digest, header_values
from receiver.errors import NotUnderstood, StoreFailed
from receiver.exact import from_us
from receiver.interpret import Duplicate, NewEvent, Reading, interpret, read
from receiver.metrics import RelayMetrics
from receiver.ports import InboxReader, Operation, Outbox, OutboxBatch, OutboxRecord, Outcome, Progress, Seen
from receiver.provider import Provider, Source
from receiver.quarantine import quarantine_value
from receiver.suspects import NOBODY, Suspects

Sources = Mapping[str, tuple[Provider, Source]]

BATCH_MAX = 500
"""Callbacks in one outbox transaction: large enough to share its fsync, short enough that a crash repeats little."""
POLL_S = 0.5
"""How long a lost wake-up can delay a callback: a wake-up is a hint, the inbox is the truth."""
RETRY_S = 1.0
"""After the disk refused a batch."""
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context; anything else is not passed on."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A callback that goes to quarantine, and why."""

    reason: str
    detail: str


class Draft:
    """An outbox batch in the making, in which each callback meets what those before it left."""

    def __init__(self, last_number: int, operations: Mapping[str, Operation]) -> None:
        self.batch = OutboxBatch()
        self._number = last_number
        self._operations = dict(operations)

    def operation(self, key: str) -> Operation:
        """The operation as it stands after the callbacks so far."""
        return self._operations.get(key, Operation())

    def add_event(self, entry: InboxEntry, reading: Reading, news: NewEvent) -> None:
        """Append a status event."""
        facts = reading.facts
        record = self._append(
            OutboxRecord(
                number=0,
                record_type="event",
                record_id=news.event_id,
                provider=news.event["provider"],
                source=entry.callback.source,
                account=facts.account,
                family=facts.kind.family,
                kind=facts.kind.name,
                operation_id=facts.operation_id,
                status=facts.step.status,
                effective=news.event["effective"],
                received_at=news.event["received_at"],
                callback=entry.number,
                traceparent=traceparent(entry.callback.headers),
                value=news.value,
            )
        )
        seen = Seen(news.event_id, reading.payload_digest, record)
        self._operations[reading.key] = Operation(news.state, (*self.operation(reading.key).seen, seen))
        self.batch.states[reading.key] = news.state
        self.batch.seen.append((reading.key, seen))
        self.batch.outcomes.append(Outcome("inbox", entry.number, "event", record, reading.key))

    def add_duplicate(self, entry: InboxEntry, reading: Reading, duplicate: Duplicate) -> None:
        """Note that the callback says what an event said before."""
        if duplicate.state is not None:
            self._operations[reading.key] = replace(self.operation(reading.key), state=duplicate.state)
            self.batch.states[reading.key] = duplicate.state
        self.batch.outcomes.append(Outcome("inbox", entry.number, "duplicate", duplicate.record, reading.key))

    def add_quarantine(self, entry: InboxEntry, provider: str, account: str | None, value: bytes) -> None:
        """Append a quarantine record."""
        record = self._append(
            OutboxRecord(
                number=0,
                record_type="quarantine",
                record_id=str(entry.number),
                provider=provider,
                source=entry.callback.source,
                account=account,
                family="",
                kind="",
                operation_id="",
                status="",
                effective=False,
                received_at=from_us(entry.callback.received_at_us),
                callback=entry.number,
                traceparent=traceparent(entry.callback.headers),
                value=value,
            )
        )
        self.batch.outcomes.append(Outcome("inbox", entry.number, "quarantine", record, None))

    def _append(self, record: OutboxRecord) -> int:
        self._number += 1
        self.batch.records.append(replace(record, number=self._number))
        return self._number


class Interpreter:
    """Interprets the inbox, batch by batch; its ``step`` runs on one thread at a time."""

    def __init__(  # noqa: PLR0913  it is wired once, by name, in bootstrap
        self,
        *,
        inbox: InboxReader,
        outbox: Outbox,
        sources: Sources,
        record_bytes_max: int,
        publish_body: bool,
        log: Any,
        metrics: RelayMetrics,
        suspects: Suspects = NOBODY,
        mark: Callable[[int, int], None] = lambda _first, _last: None,
    ) -> None:
        self.sources = sources
        self._inbox = inbox
        self._outbox = outbox
        self._record_bytes_max = record_bytes_max
        self._publish_body = publish_body
        self._log = log
        self._metrics = metrics
        self._suspects = suspects
        self._mark = mark
        self.interpreted = outbox.progress("inbox").number
        """Inbox number up to which callbacks are interpreted."""

    def step(self) -> int:
        """Interpret one batch and commit it; the number of callbacks. Raises ``StoreFailed`` with nothing changed."""
        # Asked each time: a person may have mended the outbox meanwhile.
        self.interpreted = self._outbox.progress("inbox").number
        alone = self.interpreted < self._suspects.one_by_one_to
        entries = self._inbox.read(self.interpreted, 1 if alone else BATCH_MAX)
        if not entries:
            return 0
        self._mark(entries[0].number, entries[-1].number)
        readings = [self._read(entry) for entry in entries]
        keys = {reading.key for reading in readings if isinstance(reading, Reading)}
        last_record = self._outbox.last_number()
        draft = Draft(last_record, self._outbox.operations(keys))
        draft.batch.follows = (self.interpreted, last_record)
        notes = [self._place(draft, entry, reading) for entry, reading in zip(entries, readings, strict=True)]
        self._mark(0, 0)
        last = entries[-1]
        draft.batch.progress["inbox"] = Progress(last.number, entry_digest(last))
        self._outbox.commit(draft.batch)
        self.interpreted = last.number
        for note in notes:
            note()
        return len(entries)

    def _read(self, entry: InboxEntry) -> Reading | Unreadable:
        found = self.sources.get(entry.callback.source)
        if found is None:
            return Unreadable("internal_error", "source is not configured")
        if entry.number in self._suspects.condemned:
            return Unreadable("internal_error", "it killed the interpreting process")
        try:
            return read(entry.callback, *found)
        except NotUnderstood as reason:
            return Unreadable(reason.reason, reason.detail)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  a bug of ours must not stop the line, nor lose the callback
            self._log.exception("callback.bug", callback=entry.number, source=entry.callback.source)
            return Unreadable("internal_error", "")

    def _place(self, draft: Draft, entry: InboxEntry, reading: Reading | Unreadable) -> Callable[[], None]:
        if isinstance(reading, Unreadable):
            return self._quarantine(draft, entry, reading)
        provider, source = self.sources[entry.callback.source]
        try:
            meaning = interpret(
                reading,
                draft.operation(reading.key),
                provider=provider.slug,
                source=source.name,
                arrival=entry.number,
                received_at_us=entry.callback.received_at_us,
            )
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  as above
            self._log.exception("callback.bug", callback=entry.number, source=entry.callback.source)
            return self._quarantine(draft, entry, Unreadable("internal_error", ""))
        if isinstance(meaning, Duplicate):
            draft.add_duplicate(entry, reading, meaning)
            return lambda: self._note(entry, "event.repeated", "duplicate", operation=reading.key)
        if len(meaning.value) > self._record_bytes_max:
            return self._quarantine(draft, entry, Unreadable("too_large_for_broker", "$"))
        draft.add_event(entry, reading, meaning)
        return lambda: self._note_event(entry, reading, meaning)

    def _quarantine(self, draft: Draft, entry: InboxEntry, why: Unreadable) -> Callable[[], None]:
        provider, source = self.sources.get(entry.callback.source, (None, None))
        slug, account = provider.slug if provider else "", source.account if source else None
        value = quarantine_value(
            entry,
            provider=slug,
            account=account,
            reason=why.reason,
            detail=why.detail,
            signature_headers=provider.signature_headers if provider else ALL_SIGNATURES,
            publish_body=self._publish_body,
        )
        draft.add_quarantine(entry, slug, account, value)
        return lambda: self._note_quarantine(entry, why)

    def _note(self, entry: InboxEntry, event: str, outcome: str, **fields: object) -> None:
        self._metrics.interpreted(entry.callback.source, outcome)
        self._log.info(event, callback=entry.number, **fields)

    def _note_event(self, entry: InboxEntry, reading: Reading, news: NewEvent) -> None:
        for anomaly in news.event["anomalies"]:
            self._metrics.anomaly(entry.callback.source, anomaly)
        status, sequence = news.event["status"], news.event["sequence"]
        self._note(entry, "event.recorded", "event", operation=reading.key, status=status, sequence=sequence)

    def _note_quarantine(self, entry: InboxEntry, why: Unreadable) -> None:
        self._metrics.interpreted(entry.callback.source, "quarantine")
        self._metrics.quarantined(entry.callback.source, why.reason)
        self._log.warning(
            "callback.quarantined",
            callback=entry.number,
            source=entry.callback.source,
            reason=why.reason,
            detail=why.detail,
        )


ALL_SIGNATURES = frozenset({b"signature", b"x-api-signature", b"sign"})
"""Hidden where the source, and so its provider, is not configured any more."""


def traceparent(headers: Headers) -> str | None:
    """The caller's trace, where it sent a well-formed one."""
    values = header_values(headers, b"traceparent")
    return values[0].decode() if len(values) == 1 and TRACEPARENT.fullmatch(values[0]) else None


class InterpreterLoop:
    """Runs an interpreter on a thread of its own, woken by new callbacks."""

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        wait_s: float,
        on_records: Callable[[], None],
        log: Any,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_idle = on_idle
        self._interpreter = interpreter
        self._wait_s = wait_s
        self._on_records = on_records
        self._log = log
        self._work = asyncio.Event()
        self._stopping = False
        self.detail: str | None = None
        """Why nothing is interpreted, while that is so."""

    def wake(self) -> None:
        """The inbox has something new."""
        self._work.set()

    def stop(self) -> None:
        """Finish what is in the inbox, then return from ``run``."""
        self._stopping = True
        self._work.set()

    async def run(self) -> None:
        """Interpret until ``stop``."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "interpreter") as thread:
            while True:
                self._work.clear()
                try:
                    count = await loop.run_in_executor(thread, self._interpreter.step)
                    if not count:
                        await loop.run_in_executor(thread, self._on_idle)
                except StoreFailed as error:
                    count = 0
                    await self._refused(error)
                else:
                    self.detail = None
                if count:
                    self._on_records()
                elif self._stopping:
                    return
                if count < BATCH_MAX and not self._stopping:
                    await self._company()

    async def _company(self) -> None:
        # Not behind: wait for a callback, and then a little longer for others. Measured: small batches are what costs.
        try:
            await asyncio.wait_for(self._work.wait(), POLL_S)
        except TimeoutError:
            return
        await asyncio.sleep(self._wait_s)

    async def _refused(self, error: StoreFailed) -> None:
        self.detail = str(error)
        self._log.error("outbox.refused", why=str(error))
        if not self._stopping:
            await asyncio.sleep(RETRY_S)


__all__: Sequence[str] = ("Draft", "Interpreter", "InterpreterLoop", "traceparent")
