"""Genuine callbacks that nobody could read: which they are, one whole, and what a redrive would make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from receiver.interpret.entry import Rules
from receiver.interpret.requests import redrive
from receiver.journal.entries import find_entry
from receiver.model.callback import EntryId
from receiver.model.errors import ReceiverError
from receiver.model.quarantine_record import public_headers
from receiver.model.records import Quarantined, QuarantineFilter
from receiver.operate.context import requests_of, stores
from receiver.operate.requests import REQUEST_MAX
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources


def quarantined(settings: Settings, wanted: QuarantineFilter, ids: Collection[EntryId] = ()) -> Iterator[Quarantined]:
    """Those that the filter lets through, of ``ids`` where any are given: callbacks first, by number."""
    with stores(settings) as (_, outbox):
        after: EntryId | None = None
        while found := outbox.list_quarantine(wanted, after, REQUEST_MAX):
            after = found[-1].id
            yield from (one for one in found if not ids or one.id in ids)


def quarantined_whole(settings: Settings, environ: Mapping[str, str], entry_id: EntryId) -> dict[str, Any]:
    """One of them with its headers, without signatures, and its body as text; raises ``ReceiverError``."""
    with stores(settings) as (inbox, outbox), requests_of(settings) as requests:
        standing = outbox.quarantined([entry_id]).get(entry_id)
        entry = find_entry(inbox, requests, entry_id)
    if standing is None:
        raise ReceiverError(f"callback {entry_id} is not in quarantine")
    said = row(standing)
    if entry is not None:
        found = resolve_sources(settings, environ).get(entry.callback.source)
        said["headers"] = public_headers(entry.callback.headers, found[0].signature_headers if found else frozenset())
        said["body"] = entry.callback.body.decode("utf-8", "backslashreplace")
    return said


def row(standing: Quarantined) -> dict[str, Any]:
    """A standing as a flat row; ``id`` is a callback's number, or ``poll-12`` for an API's answer."""
    return {**asdict(standing), "id": standing.id.to_json()}


def preview(settings: Settings, environ: Mapping[str, str], ids: Collection[EntryId]) -> list[dict[str, Any]]:
    """What redriving these callbacks would give now: an event, a duplicate, or still a reason. Changes nothing."""
    with stores(settings) as (inbox, outbox), requests_of(settings) as requests:
        rules = Rules(
            sources=resolve_sources(settings, environ),
            record_bytes_max=settings.kafka.record_bytes_max if settings.kafka else 2**31,
            publish_body=False,
            log=logs.get(),
        )
        batch = redrive(ids, rules, inbox=inbox, requests=requests, outbox=outbox).batch
    records = {record.number: record for record in batch.records}
    became = {EntryId(one.store, one.number): records.get(one.record or 0) for one in batch.outcomes}
    rows: list[dict[str, Any]] = []
    for one in batch.quarantined:
        about: dict[str, Any] = {"id": one.id.to_json(), "source": one.source}
        record = became.get(one.id)
        if record is not None:
            event = orjson.loads(record.value)
            about |= {"becomes": "event", "operation": event["operation_id"], "status": event["status"]}
            about |= {"sequence": event["sequence"], "effective": event["effective"], "anomalies": event["anomalies"]}
        elif one.state == "redriven":
            about["becomes"] = "duplicate"
        else:
            about |= {"becomes": "still quarantined", "reason": one.reason, "detail": one.detail}
        rows.append(about)
    return rows
