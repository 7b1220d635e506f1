"""Genuine callbacks that nobody could read: which they are, one whole, and what a redrive would make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.entries import find_entry
from receiver.model.errors import ReceiverError
from receiver.model.quarantine_record import public_headers
from receiver.model.records import Quarantined
from receiver.operate.context import requests_of, stores
from receiver.operate.requests import REQUEST_MAX
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources

NUMBER_MIN = -(2**62)
"""Below any quarantine number: an API's answer has a negative one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which quarantined callbacks; None lets all through."""

    source: str | None = None
    reason: str | None = None
    since: str | None = None
    until: str | None = None
    state: str | None = "open"
    ids: tuple[int, ...] = ()


def quarantined(settings: Settings, choice: Choice) -> Iterator[Quarantined]:
    """The chosen ones, oldest first."""
    with stores(settings) as (_, outbox):
        after = NUMBER_MIN
        while found := outbox.list_quarantine(
            after, choice.source, choice.reason, choice.since, choice.until, choice.state, REQUEST_MAX
        ):
            after = found[-1].number
            yield from (one for one in found if not choice.ids or one.number in choice.ids)


def quarantined_whole(settings: Settings, environ: Mapping[str, str], number: int) -> dict[str, Any]:
    """One of them with its headers, without signatures, and its body as text; raises ``ReceiverError``."""
    with stores(settings) as (inbox, outbox), requests_of(settings) as requests:
        standing = outbox.quarantined([number]).get(number)
        entry = find_entry(inbox, requests, number)
    if standing is None:
        raise ReceiverError(f"callback {number} is not in quarantine")
    said: dict[str, Any] = asdict(standing)
    if entry is not None:
        found = resolve_sources(settings, environ).get(entry.callback.source)
        said["headers"] = public_headers(entry.callback.headers, found[0].signature_headers if found else frozenset())
        said["body"] = entry.callback.body.decode("utf-8", "backslashreplace")
    return said


def preview(settings: Settings, environ: Mapping[str, str], numbers: Sequence[int]) -> list[dict[str, Any]]:
    """What redriving these callbacks would give now: an event, a duplicate, or still a reason. Changes nothing."""
    with stores(settings) as (inbox, outbox), requests_of(settings) as requests:
        interpreter = Interpreter(
            inbox=inbox,
            requests=requests,
            outbox=outbox,
            sources=resolve_sources(settings, environ),
            record_bytes_max=settings.kafka.record_bytes_max if settings.kafka else 2**31,
            publish_body=False,
            log=logs.get(),
            metrics=InterpretMetrics(),
        )
        draft, _ = interpreter.redrive(numbers)
    places = {record.number: record for record in draft.batch.records}
    became = {(one.store, one.number): places.get(one.record or 0) for one in draft.batch.outcomes}
    rows: list[dict[str, Any]] = []
    for one in draft.batch.quarantined:
        row: dict[str, Any] = {"id": one.number, "source": one.source}
        record = became.get(("inbox", one.number) if one.number >= 0 else ("requests", -one.number))
        if record is not None:
            event = orjson.loads(record.value)
            row |= {"becomes": "event", "operation": event["operation_id"], "status": event["status"]}
            row |= {"sequence": event["sequence"], "effective": event["effective"], "anomalies": event["anomalies"]}
        elif one.state == "redriven":
            row["becomes"] = "duplicate"
        else:
            row |= {"becomes": "still quarantined", "reason": one.reason, "detail": one.detail}
        rows.append(row)
    return rows
