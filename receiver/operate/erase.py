"""Forgetting a person: all of one operation that could say whose it is, and nothing that keeps the rest right.

What stays is what exactly-once and the order rest on: the operation's key with its rank and last sequence, the ids of
its events, their places in the outbox, and what became of each callback. What was published stays on Kafka, where a
journal cannot reach; the plan says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from receiver.journal.entries import Stores, open_stores
from receiver.journal.erasing import Erased, Erasure
from receiver.journal.search import FoundOperation, Search
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError, KafkaUnavailable, ReceiverError
from receiver.model.records import OutboxRecord, QuarantineFilter
from receiver.operate.context import Context
from receiver.operate.lookup import SeveralOperations, UnknownOperation
from receiver.operate.quarantine import PAGE
from receiver.operate.timeline import find_operations, places_of

KEPT = frozenset(
    [
        "schema_version",
        "event_id",
        "provider",
        "source",
        "account",
        "family",
        "kind",
        "operation_id",
        "status",
        "provider_status",
        "terminal",
        "sequence",
        "revision",
        "effective",
        "anomalies",
        "created_at",
        "updated_at",
        "received_at",
        "observed_via",
    ]
)
"""Fields of an event that stay: what it was, in which order and when; not who, how much or where to."""
REJECTS_MAX = 100_000
"""As many as a sample may hold."""


@dataclass(frozen=True, slots=True)
class ErasePlan:
    """What will be destroyed, and what stays elsewhere."""

    erasure: Erasure
    on_kafka: Sequence[Mapping[str, Any]]
    """``record`` (outbox number), ``topic``, ``partition``, ``offset`` of each record that was found there."""
    kafka: str
    """In one sentence, whether Kafka was looked at."""


def emptied(record: OutboxRecord) -> OutboxRecord:
    """What stands in the place of a record: a sound one of its kind that is about nobody, and that goes nowhere."""
    said = orjson.loads(record.value)
    if record.record_type == "event":
        said = {name: value if name in KEPT else _nothing(value) for name, value in said.items()}
    else:
        said = {name: value for name, value in said.items() if name != "body_base64"}
        said |= {name: _nothing(said[name]) for name in ("headers", "body_sha256") if name in said}
    return replace(record, value=orjson.dumps(said), traceparent=None, publish=False)


def _nothing(value: Any) -> Any:
    return [] if isinstance(value, list) else None


async def plan_erasure(context: Context, operation: str) -> ErasePlan:
    """Find all that there is of an operation, the provider's id or the whole key. Changes nothing.

    Raises ``ReceiverError`` where nothing is known of it, several have the id, a callback that names it is still to be
    interpreted, or one of its events is still to be published.
    """
    with open_stores(context.journal) as stores, closing(context.journal.search()) as search:
        found = find_operations(context, search, operation)
        if len(found) > 1:
            raise SeveralOperations("several operations have this id", [one.key for one in found])
        if not found:
            raise UnknownOperation(f"nothing is known of an operation {operation}")
        _refuse_waiting(stores, found[0].key)
        _refuse_waiting_answers(stores, found[0].key)
        entries, records = _parts(stores, search, found[0])
        _refuse_unpublished(context, stores, records)
        erasure = Erasure(
            operation=found[0].key,
            callbacks=tuple(sorted(one.number for one in entries if one.store == "inbox")),
            answers=tuple(sorted(one.number for one in entries if one.store == "requests")),
            records=tuple(emptied(record) for record in records),
            rejects=_rejects(context, found[0].key),
            watched=tuple({(record.source, record.operation_id) for record in records if record.operation_id}),
        )
    places, said = await _on_kafka(context, [record for record in records if record.record_type == "event"])
    return ErasePlan(erasure, places, said)


def carry_out(context: Context, plan: ErasePlan, *, who: str, reason: str) -> list[str]:
    """Destroy it; gives the stores whose logs hold it a while longer. Raises ``JournalError``, ``StoreFailed``."""
    act = Erased(plan.erasure.operation, context.clock.now_us(), who, reason, plan.erasure.what())
    return context.journal.erase(plan.erasure, act)


def erased_records(context: Context) -> set[int]:
    """Outbox numbers of records that were erased: they are about nobody, and are not sent again."""
    return {number for act in context.journal.erasures() for number in act.what["records"]}


def _names(key: str) -> bytes:
    # As a JSON text, so that a short id is not found inside a longer one.
    return orjson.dumps(_identity(key))


def _identity(key: str) -> str:
    return key.rpartition(":")[2].replace("%3A", ":").replace("%25", "%")


def _refuse_waiting(stores: Stores, key: str) -> None:
    after, identity = stores.outbox.progress("inbox").number, _names(key)
    while entries := stores.inbox.read(after, PAGE):
        after = entries[-1].number
        for entry in entries:
            if identity in entry.callback.body:
                raise ReceiverError(f"callback {entry.number} names it and is not interpreted yet: erase it after that")


def _refuse_waiting_answers(stores: Stores, key: str) -> None:
    after, identity = stores.outbox.progress("requests").number, _identity(key)
    while requests := stores.requests.read(after, PAGE):
        after = requests[-1].number
        for one in requests:
            if one.request_type == "poll" and one.payload.get("operation") == identity:
                raise ReceiverError(f"poll-{one.number} is about it and is not interpreted yet: erase it after that")


def _parts(stores: Stores, search: Search, found: FoundOperation) -> tuple[set[EntryId], list[OutboxRecord]]:
    outcomes = search.arrivals(found.number)
    entries = {EntryId(outcome.store, outcome.number) for outcome in outcomes}
    numbers = {outcome.record for outcome in outcomes if outcome.record is not None}
    numbers |= set(search.records_of(found.number))
    for entry_id, record in _in_quarantine(stores, search, _names(found.key)):
        entries.add(entry_id)
        numbers |= {record} if record is not None else set()
    records = (search.record(number) for number in sorted(numbers))
    return entries, [record for record in records if record is not None]


def _in_quarantine(stores: Stores, search: Search, identity: bytes) -> Iterator[tuple[EntryId, int | None]]:
    after: EntryId | None = None
    while found := search.quarantine(QuarantineFilter(state=None), after, PAGE):
        after = found[-1].id
        for standing in found:
            entry = stores.entry(standing.id)
            if entry is not None and identity in entry.callback.body:
                yield standing.id, standing.record


def _refuse_unpublished(context: Context, stores: Stores, records: Sequence[OutboxRecord]) -> None:
    latest = stores.outbox.latest_remembered()
    published = latest[1].number if latest else 0
    waiting = [record.number for record in records if record.publish and record.number > published]
    if waiting and context.kafka is not None:
        raise ReceiverError(
            f"record {waiting[0]} is not on Kafka yet, and consumers would miss its sequence: erase it after that"
        )


def _rejects(context: Context, key: str) -> tuple[int, ...]:
    identity = _names(key)
    with suppress(JournalError), closing(context.journal.rejects()) as rejects:
        return tuple(one.number for one in rejects.newest(REJECTS_MAX) if identity in one.raw.body)
    return ()


async def _on_kafka(context: Context, events: Sequence[OutboxRecord]) -> tuple[list[Mapping[str, Any]], str]:
    if context.kafka is None:
        return [], "Kafka is not configured: nothing was looked for there"
    sent = [replace(record, publish=True) for record in events]
    try:
        found = await places_of(context.kafka, context.journal.journal_id, sent)
    except KafkaUnavailable as error:
        return [], f"Kafka was not looked at ({error}): what was published is still there"
    places: list[Mapping[str, Any]] = [
        {"record": record, "topic": topic, "partition": partition, "offset": offset}
        for (topic, record), (partition, offset) in sorted(found.items())
    ]
    return places, f"Kafka holds {len(places)} records of it, which only its retention deletes"
