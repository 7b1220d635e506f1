"""An outbox batch in the making, and what is to be logged of it. Pure.

Each entry meets its operation as the entries before it in the batch have left it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from receiver.interpret.meaning import Duplicate, NewEvent, Reading, Unreadable
from receiver.interpret.noted import REPEATED, Level, Noted, number_field
from receiver.model.callback import Headers, JournalEntry, header_values, is_simulated
from receiver.model.operation import Operation, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Quarantined
from receiver.model.times import from_us

TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context; anything else is not passed on."""


class BatchBuilder:
    """Puts entries of the journal into one outbox batch, each in its turn."""

    def __init__(self, last_number: int, operations: Mapping[str, Operation], *, publish: bool = True) -> None:
        """``last_number`` is that of the outbox's last record, ``operations`` are the known ones by their keys.

        ``publish`` says whether the records of this batch go to Kafka.
        """
        self.batch = OutboxBatch()
        self.noted: list[Noted] = []
        """What is logged and counted once the batch is committed."""
        self._publish = publish
        self._number = last_number
        self._operations = dict(operations)

    def operation(self, key: str) -> Operation:
        """The operation as it stands after the entries so far."""
        return self._operations.get(key, Operation())

    def forget(self, key: str, record: int | None) -> None:
        """Let the content that became ``record`` count as not seen: Kafka refused it, so nobody ever saw it."""
        operation = self.operation(key)
        seen = tuple(content for content in operation.seen if content.record != record)
        state = operation.state
        if any(content.event_id == state.event_id for content in operation.seen if content.record == record):
            state = replace(state, event_id="")
        self._operations[key] = replace(operation, seen=seen, state=state)

    def add_event(self, entry: JournalEntry, reading: Reading, new: NewEvent) -> None:
        """Append a status event."""
        facts, event = reading.facts, new.event
        record = self._append(
            OutboxRecord(
                number=self._number + 1,
                publish=self._publish,
                simulated=is_simulated(entry.callback.headers),
                record_type="event",
                record_id=new.event_id,
                provider=event["provider"],
                source=entry.callback.source,
                account=facts.account,
                family=facts.kind.family,
                kind=facts.kind.name,
                operation_id=facts.operation_id,
                status=facts.step.status,
                effective=event["effective"],
                received_at=event["received_at"],
                callback=_callback(entry),
                traceparent=traceparent(entry.callback.headers),
                value=new.value,
            )
        )
        seen = Seen(new.event_id, reading.payload_digest, record)
        before = self.operation(reading.key)
        self._operations[reading.key] = replace(before, state=new.state, seen=(*before.seen, seen))
        self.batch.states[reading.key] = new.state
        self.batch.seen.append((reading.key, seen))
        self.batch.outcomes.append(Outcome(entry.store, entry.number, "event", record, reading.key))
        fields = {
            number_field(entry): entry.number,
            "operation": reading.key,
            "status": event["status"],
            "sequence": event["sequence"],
        }
        self.noted.append(Noted("info", "event.recorded", fields, entry.callback.source, "event", event["anomalies"]))

    def add_duplicate(self, entry: JournalEntry, reading: Reading, duplicate: Duplicate) -> None:
        """Keep that the entry says what an event said before."""
        if duplicate.state is not None:
            self._operations[reading.key] = replace(self.operation(reading.key), state=duplicate.state)
            self.batch.states[reading.key] = duplicate.state
        self.batch.outcomes.append(Outcome(entry.store, entry.number, "duplicate", duplicate.record, reading.key))
        fields = {number_field(entry): entry.number, "operation": reading.key}
        self.noted.append(Noted("info", REPEATED, fields, entry.callback.source, "duplicate"))

    def add_quarantine(
        self, entry: JournalEntry, provider: str, account: str | None, why: Unreadable, value: bytes
    ) -> None:
        """Append a quarantine record, and let the entry stand in quarantine as ``open``."""
        record = self._append(
            OutboxRecord(
                number=self._number + 1,
                publish=self._publish,
                simulated=is_simulated(entry.callback.headers),
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
        self._stands(entry, why, "open", record)
        self._note("warning", "callback.quarantined", entry, "quarantine", reason=why.reason, detail=why.detail)

    def keep_in_quarantine(self, entry: JournalEntry, why: Unreadable) -> None:
        """Let an entry of an earlier batch stay there: it has its record, and only its reason may be another today."""
        self._stands(entry, why, "open")
        self._note("info", "callback.still_unreadable", entry, reason=why.reason, detail=why.detail)

    def take_out_of_quarantine(self, entry: JournalEntry, before: Quarantined, *, verifies: bool | None) -> None:
        """Let an entry that could be read now stand as ``redriven``, with the reason that it was there for.

        ``verifies`` says whether its signature matches with today's secrets; None: it has none, as an API's answer.
        """
        self._stands(entry, Unreadable(before.reason, before.detail), "redriven")
        self._note("info", "callback.redriven", entry, signature_verifies_today=verifies)

    def leave_unread(self, entry: JournalEntry, why: Unreadable) -> None:
        """Change nothing of an entry that became an event once and cannot be read today."""
        self._note("info", "callback.unreadable_today", entry, reason=why.reason, detail=why.detail)

    def _append(self, record: OutboxRecord) -> int:
        self._number = record.number
        self.batch.records.append(record)
        return self._number

    def _stands(self, entry: JournalEntry, why: Unreadable, state: str, record: int | None = None) -> None:
        received_at = from_us(entry.callback.received_at_us)
        standing = Quarantined(entry.id, entry.callback.source, why.reason, why.detail, received_at, state, "", record)
        self.batch.quarantined.append(standing)

    def _note(self, level: Level, event: str, entry: JournalEntry, outcome: str | None = None, **more: object) -> None:
        source = entry.callback.source
        fields = {number_field(entry): entry.number, "source": source, **more}
        self.noted.append(Noted(level, event, fields, source, outcome))


def _callback(entry: JournalEntry) -> int | None:
    return entry.number if entry.store == "inbox" else None


def traceparent(headers: Headers) -> str | None:
    """The caller's trace, where it sent exactly one and that is well formed; else None."""
    values = header_values(headers, b"traceparent")
    return values[0].decode() if len(values) == 1 and TRACEPARENT.fullmatch(values[0]) else None
