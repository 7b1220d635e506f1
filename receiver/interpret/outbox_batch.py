"""An outbox batch in the making: each callback meets what those before it in the batch left. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from receiver.interpret.meaning import Duplicate, NewEvent, Reading
from receiver.model.callback import Headers, JournalEntry, header_values
from receiver.model.operation import Operation, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Quarantined
from receiver.model.times import from_us

TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context; anything else is not passed on."""


class BatchBuilder:
    """An outbox batch in the making, in which each callback meets what those before it left."""

    def __init__(self, last_number: int, operations: Mapping[str, Operation], *, publish: bool = True) -> None:
        self.batch = OutboxBatch()
        self._publish = publish
        self._number = last_number
        self._operations = dict(operations)

    def operation(self, key: str) -> Operation:
        """The operation as it stands after the callbacks so far."""
        return self._operations.get(key, Operation())

    def outcome(self, entry: JournalEntry) -> str | None:
        """What became of an entry in this batch."""
        at = (entry.store, entry.number)
        return next((one.outcome for one in self.batch.outcomes if (one.store, one.number) == at), None)

    def forget(self, key: str, record: int | None) -> None:
        """Let a content that became ``record`` count as not seen: Kafka refused it, so nobody ever saw it."""
        known = self.operation(key)
        self._operations[key] = replace(known, seen=tuple(one for one in known.seen if one.record != record))

    def add_event(self, entry: JournalEntry, reading: Reading, news: NewEvent) -> None:
        """Append a status event."""
        facts = reading.facts
        record = self._append(
            OutboxRecord(
                number=self._number + 1,
                publish=self._publish,
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
                callback=_callback(entry),
                traceparent=traceparent(entry.callback.headers),
                value=news.value,
            )
        )
        seen = Seen(news.event_id, reading.payload_digest, record)
        self._operations[reading.key] = Operation(news.state, (*self.operation(reading.key).seen, seen))
        self.batch.states[reading.key] = news.state
        self.batch.seen.append((reading.key, seen))
        self.batch.outcomes.append(Outcome(entry.store, entry.number, "event", record, reading.key))

    def add_duplicate(self, entry: JournalEntry, reading: Reading, duplicate: Duplicate) -> None:
        """Note that the callback says what an event said before."""
        if duplicate.state is not None:
            self._operations[reading.key] = replace(self.operation(reading.key), state=duplicate.state)
            self.batch.states[reading.key] = duplicate.state
        self.batch.outcomes.append(Outcome(entry.store, entry.number, "duplicate", duplicate.record, reading.key))

    def add_quarantine(  # noqa: PLR0913, PLR0917  one record's parts
        self, entry: JournalEntry, provider: str, account: str | None, reason: str, detail: str, value: bytes
    ) -> None:
        """Append a quarantine record."""
        record = self._append(
            OutboxRecord(
                number=self._number + 1,
                publish=self._publish,
                record_type="quarantine",
                record_id=str(entry.id),
                provider=provider,
                source=entry.callback.source,
                account=account,
                family="",
                kind="",
                operation_id="",
                status="",
                effective=False,
                received_at=from_us(entry.callback.received_at_us),
                callback=_callback(entry),
                traceparent=traceparent(entry.callback.headers),
                value=value,
            )
        )
        self.batch.outcomes.append(Outcome(entry.store, entry.number, "quarantine", record, None))
        self.note_quarantine(entry, reason, detail, "open", record=record)

    def note_quarantine(  # noqa: PLR0913  one row's parts
        self, entry: JournalEntry, reason: str, detail: str, state: str, *, why: str = "", record: int | None = None
    ) -> None:
        """Note where a callback stands in quarantine: ``open``, ``redriven`` or ``closed``."""
        received_at = from_us(entry.callback.received_at_us)
        self.batch.quarantined.append(
            Quarantined(entry.id, entry.callback.source, reason, detail, received_at, state, why, record)
        )

    def _append(self, record: OutboxRecord) -> int:
        self._number = record.number
        self.batch.records.append(record)
        return self._number


def _callback(entry: JournalEntry) -> int | None:
    return entry.number if entry.store == "inbox" else None


def traceparent(headers: Headers) -> str | None:
    """The caller's trace, where it sent a well-formed one."""
    values = header_values(headers, b"traceparent")
    return values[0].decode() if len(values) == 1 and TRACEPARENT.fullmatch(values[0]) else None
