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
from dataclasses import replace
from typing import Any

from receiver.callback import InboxEntry, VerifiedCallback, entry_digest, header_values
from receiver.errors import NotUnderstood, StoreFailed
from receiver.interpret import Duplicate, NewEvent, Reading, interpret, quarantine_value, read
from receiver.metrics import InterpreterMetrics
from receiver.ports import (
    InboxReader,
    Operation,
    Outbox,
    OutboxBatch,
    OutboxRecord,
    Outcome,
    Progress,
    Seen,
)
from receiver.provider import Provider, Source

Sources = Mapping[str, tuple[Provider, Source]]

BATCH_MAX = 500
"""Callbacks in one outbox transaction: large enough to share its fsync, short enough that a crash repeats little."""
POLL_S = 0.5
"""How long a lost wake-up can delay a callback: a wake-up is a hint, the inbox is the truth."""
RETRY_S = 1.0
"""After the outbox's disk refused a batch."""
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context; anything else is not passed on."""


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
        record = self._append(
            entry,
            record_type="event",
            record_id=news.event_id,
            account=reading.facts.account,
            family=reading.facts.kind.family,
            kind=reading.facts.kind.name,
            operation_id=reading.facts.operation_id,
            status=reading.facts.step.status,
            effective=bool(news.event["effective"]),
            provider=str(news.event["provider"]),
            value=news.value,
        )
        seen = Seen(news.event_id, news.payload_digest, record)
        before = self.operation(reading.key)
        self._operations[reading.key] = Operation(news.state, (*before.seen, seen))
        self.batch.states[reading.key] = news.state
        self.batch.seen.append((reading.key, seen))
        self.batch.outcomes.append(Outcome("inbox", entry.number, "event", record, reading.key))

    def add_duplicate(self, entry: InboxEntry, reading: Reading, duplicate: Duplicate) -> None:
        """Note that the callback says what an event said before."""
        if duplicate.state is not None:
            before = self.operation(reading.key)
            self._operations[reading.key] = replace(before, state=duplicate.state)
            self.batch.states[reading.key] = duplicate.state
        self.batch.outcomes.append(Outcome("inbox", entry.number, "duplicate", duplicate.record, reading.key))

    def add_quarantine(self, entry: InboxEntry, provider: str, account: str | None, value: bytes) -> None:
        """Append a quarantine record."""
        record = self._append(
            entry,
            record_type="quarantine",
            record_id=str(entry.number),
            provider=provider,
            account=account,
            value=value,
        )
        self.batch.outcomes.append(Outcome("inbox", entry.number, "quarantine", record, None))

    def _append(
        self,
        entry: InboxEntry,
        *,
        record_type: str,
        record_id: str,
        provider: str,
        account: str | None,
        value: bytes,
        family: str = "",
        kind: str = "",
        operation_id: str = "",
        status: str = "",
        effective: bool = False,
    ) -> int:
        self._number += 1
        callback = entry.callback
        self.batch.records.append(
            OutboxRecord(
                number=self._number,
                record_type=record_type,
                record_id=record_id,
                provider=provider,
                source=callback.source,
                account=account,
                family=family,
                kind=kind,
                operation_id=operation_id,
                status=status,
                effective=effective,
                received_at=rfc3339_us(callback.received_at_us),
                callback=entry.number,
                traceparent=traceparent(callback),
                value=value,
            )
        )
        return self._number
