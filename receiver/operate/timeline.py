"""What happened to one operation: each arrival, what it became, and where on Kafka it lies."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from receiver.journal.entries import find_entry
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.callback import EntryId
from receiver.model.errors import KafkaUnavailable, ReceiverError
from receiver.model.records import OutboxRecord, QuarantineFilter
from receiver.model.times import from_us
from receiver.operate.context import requests_of, stores
from receiver.service.config.settings import Settings
from receiver.service.kafka import need_kafka

QUARANTINE_SCAN_MAX = 10_000
"""Quarantined callbacks that a timeline looks through, the newest."""


async def timeline(settings: Settings, environ: Mapping[str, str], operation: str) -> list[dict[str, Any]]:
    """What arrived of an operation, what it became, and where on Kafka it lies; raises ``ReceiverError``."""
    with stores(settings) as (inbox, outbox), requests_of(settings) as requests:
        found = outbox.find_operations(operation)
        if len(found) > 1:
            raise ReceiverError(f"several operations have this id: {', '.join(key for _, key in found)}")
        reader = _Reader(inbox, outbox, requests)
        rows = reader.arrivals(found[0][0]) if found else []
        records = [row.pop("_record") for row in rows]
        rows += reader.in_quarantine(operation, {row["callback"] for row in rows})
    if not rows:
        raise ReceiverError(f"nothing is known of an operation {operation}")
    if settings.kafka is not None:
        with contextlib.suppress(KafkaUnavailable):
            await _add_places(settings, environ, rows, [record for record in records if record is not None])
    return sorted(rows, key=lambda row: (row["received_at"] or "", str(row["callback"])))


@dataclass(frozen=True, slots=True)
class _Reader:
    """The three stores, for a timeline."""

    inbox: SqliteInboxReader
    outbox: SqliteOutbox
    requests: SqliteRequests

    def arrivals(self, operation: int) -> list[dict[str, Any]]:
        """What arrived of one operation: callbacks, answers of the API, and events taken over from Kafka."""
        rows = [self._arrival(EntryId("inbox", n), what, at) for n, what, at in self.outbox.callbacks_of(operation)]
        rows += [self._arrival(EntryId("requests", n), what, at) for n, what, at in self.outbox.polls_of(operation)]
        shown = {row["record"] for row in rows}
        rest = [record for record in self.outbox.records_of(operation) if record not in shown]
        return rows + [self._arrival(None, "event", record) for record in rest]

    def _arrival(self, entry_id: EntryId | None, outcome: str, record: int | None) -> dict[str, Any]:
        entry = find_entry(self.inbox, self.requests, entry_id) if entry_id is not None else None
        found = None if record is None else self.outbox.record(record)
        row: dict[str, Any] = {
            "callback": None if entry_id is None else entry_id.to_json(),
            "received_at": from_us(entry.callback.received_at_us) if entry else found.received_at if found else None,
            "source": entry.callback.source if entry else found.source if found else None,
            "outcome": outcome,
            "record": record,
            "_record": None,
        }
        if found is not None and found.record_type == "event":
            event = orjson.loads(found.value)
            names = ("operation_id", "status", "provider_status", "sequence", "revision", "effective", "anomalies")
            row |= {name: event[name] for name in (*names, "observed_via", "event_id")}
            row["_record"] = found if outcome == "event" else None
        return row

    def in_quarantine(self, operation: str, known: set[Any]) -> list[dict[str, Any]]:
        """What nobody could read, where its bytes have the id."""
        rows = []
        identity = operation.rpartition(":")[2].encode()
        for one in self.outbox.list_quarantine(QuarantineFilter(state=None), None, QUARANTINE_SCAN_MAX):
            entry = find_entry(self.inbox, self.requests, one.id) if one.id.to_json() not in known else None
            if entry is None or identity not in entry.callback.body:
                continue
            rows.append(
                {
                    "callback": one.id.to_json(),
                    "received_at": one.received_at,
                    "source": one.source,
                    "outcome": "quarantine",
                    "record": one.record,
                    "state": one.state,
                    "reason": one.reason,
                    "detail": one.detail,
                }
            )
        return rows


async def _add_places(
    settings: Settings, environ: Mapping[str, str], rows: list[dict[str, Any]], records: list[OutboxRecord]
) -> None:
    if not records:
        return
    kafka = need_kafka(settings, environ)
    with stores(settings) as (_, outbox):
        journal_id = outbox.journal_id()
    routed = [message for record in records for message in kafka.route(record, journal_id)]
    messages = [message for message in routed if message.topic in kafka.status_topics]
    since_ms = min(int(datetime.fromisoformat(record.received_at).timestamp() * 1000) for record in records) - 60_000
    found = await kafka.find(messages, max(0, since_ms))
    for row in rows:
        row["kafka"] = [
            {"topic": topic, "partition": partition, "offset": offset}
            for (topic, record), (partition, offset) in sorted(found.items())
            if record == row["record"] and row["outcome"] == "event"
        ]
