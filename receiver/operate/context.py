"""What a person asks of a journal, wired: quarantine, the timeline of an operation, rejects, drift."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from receiver.intake.explain import Case, explain
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import RelayMetrics
from receiver.journal.entries import find_entry
from receiver.journal.ports import OutboxRecord, Quarantined
from receiver.journal.sqlite.inbox_writer import SqliteInboxReader
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.rejects import Reject, SqliteRejects
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.errors import JournalError, KafkaUnavailable, ReceiverError
from receiver.model.exact_json import from_us
from receiver.model.quarantine_record import public_headers
from receiver.publish.kafka.find import find
from receiver.publish.routing import route
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_retired, resolve_sources
from receiver.service.system_clock import SystemClock
from receiver.service.wiring import kafka_options, open_outbox

REQUEST_MAX = 500
"""Callbacks in one request: one outbox transaction."""
NUMBER_MIN = -(2**62)
"""Below any quarantine number: an API's answer has a negative one."""
WAIT_S = 15.0
"""For a running service to carry a request out."""
QUARANTINE_SCAN_MAX = 10_000
"""Quarantined callbacks that a timeline looks through, the newest."""


@contextmanager
def stores(settings: Settings) -> Iterator[tuple[SqliteInboxReader, SqliteOutbox]]:
    """Inbox and outbox, to read; raises ``JournalError`` where there is no journal."""
    outbox = open_outbox(settings)
    inbox = SqliteInboxReader(settings.journal.folder)
    try:
        yield inbox, outbox
    finally:
        inbox.close()
        outbox.close()


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
            metrics=RelayMetrics(),
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


@contextmanager
def requests_of(settings: Settings) -> Iterator[SqliteRequests]:
    """The requests, to read; raises ``JournalError`` where there is no journal."""
    store = SqliteRequests.open(settings.journal.folder, read_only=True)
    try:
        yield store
    finally:
        store.close()


class NoRequests:
    """For a look at what would be: nobody's requests are carried out."""

    def read(self, after: int, limit: int) -> Sequence[Any]:
        """None."""
        del after, limit
        return ()


def request(settings: Settings, request_type: str, numbers: Sequence[int], **more: Any) -> tuple[int, bool]:
    """Ask the relay; gives the last request's number, and whether a running service has carried it out."""
    store = SqliteRequests.open(settings.journal.folder)
    last = 0
    try:
        for at in range(0, len(numbers), REQUEST_MAX):
            payload = {"callbacks": list(numbers[at : at + REQUEST_MAX]), **more}
            last = store.add(request_type, SystemClock().now_us(), payload)
    finally:
        store.close()
    outbox = open_outbox(settings)
    try:
        deadline = time.monotonic() + WAIT_S
        while outbox.progress("requests").number < last and time.monotonic() < deadline:
            time.sleep(0.1)
        return last, outbox.progress("requests").number >= last
    finally:
        outbox.close()


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
    return sorted(rows, key=lambda row: (row["received_at"] or "", row["callback"] or 0))


@dataclass(frozen=True, slots=True)
class _Reader:
    """The three stores, for a timeline."""

    inbox: SqliteInboxReader
    outbox: SqliteOutbox
    requests: SqliteRequests

    def arrivals(self, operation: int) -> list[dict[str, Any]]:
        """What arrived of one operation: callbacks, answers of the API, and events taken over from Kafka."""
        said = [*self.outbox.callbacks_of(operation)]
        said += [(-number, outcome, record) for number, outcome, record in self.outbox.polls_of(operation)]
        rows = [self._arrival(number, outcome, record) for number, outcome, record in said]
        shown = {row["record"] for row in rows}
        rest = [record for record in self.outbox.records_of(operation) if record not in shown]
        return rows + [self._arrival(None, "event", record) for record in rest]

    def _arrival(self, number: int | None, outcome: str, record: int | None) -> dict[str, Any]:
        entry = find_entry(self.inbox, self.requests, number) if number is not None else None
        found = None if record is None else self.outbox.record(record)
        row: dict[str, Any] = {
            "callback": number,
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
        for one in self.outbox.list_quarantine(NUMBER_MIN, None, None, None, None, None, QUARANTINE_SCAN_MAX):
            entry = find_entry(self.inbox, self.requests, one.number) if one.number not in known else None
            if entry is None or identity not in entry.callback.body:
                continue
            rows.append(
                {
                    "callback": one.number,
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
    kafka = settings.kafka
    if kafka is None or not records:
        return
    rules = [configured.rule for configured in settings.routes]
    with stores(settings) as (_, outbox):
        journal_id = outbox.journal_id()
    messages = [message for record in records for message in route(record, rules, kafka.topic_prefix, journal_id)]
    since_ms = min(int(datetime.fromisoformat(record.received_at).timestamp() * 1000) for record in records) - 60_000
    found = await find(kafka_options(kafka, environ), messages, max(0, since_ms))
    for row in rows:
        row["kafka"] = [
            {"topic": topic, "partition": partition, "offset": offset}
            for (topic, record), (partition, offset) in sorted(found.items())
            if record == row["record"] and row["outcome"] == "event"
        ]


def rejects(settings: Settings, limit: int) -> list[Reject]:
    """The newest refused callbacks of the sample; raises ``JournalError`` where there is none."""
    store = _open_rejects(settings)
    try:
        return store.newest(limit)
    finally:
        store.close()


def explain_reject(settings: Settings, environ: Mapping[str, str], number: int) -> tuple[Reject, list[str]]:
    """One refused callback, and what would have matched; raises ``ReceiverError``."""
    store = _open_rejects(settings)
    try:
        reject = store.get(number)
    finally:
        store.close()
    if reject is None:
        raise ReceiverError(f"reject {number} is not in the sample; `receiver rejects list` shows those that are")
    found = resolve_sources(settings, environ).get(reject.raw.source)
    if found is None:
        raise ReceiverError(f"the source {reject.raw.source} is not configured any more")
    configured = next(source for source in settings.sources if source.name == reject.raw.source)
    retired = resolve_retired(settings, environ, reject.raw.source)
    return reject, explain(Case(reject.raw, *found, configured.public_url, retired))


def _open_rejects(settings: Settings) -> SqliteRejects:
    folder = settings.journal.folder
    if not (folder / "rejects.db").exists():
        raise JournalError(f"there are no rejects in {folder}: nothing was refused yet, or no service ran")
    return SqliteRejects(folder, read_only=True)


def drift(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Unknown body fields by source and name; and when each source was last heard of, s ago."""
    outbox = open_outbox(settings)
    try:
        fields = [
            {"source": source, "field": name, "callbacks": count, "first_seen": first_seen}
            for source, name, count, first_seen in outbox.drift()
        ]
        heard = outbox.heard()
    finally:
        outbox.close()
    now_us = SystemClock().now_us()
    sources = [
        {
            "source": source.name,
            "last_callback": from_us(heard[source.name]) if source.name in heard else None,
            "silent_s": round((now_us - heard[source.name]) / 1e6) if source.name in heard else None,
        }
        for source in settings.sources
    ]
    return fields, sources
