"""What happened to one operation: each arrival, what it became, and where on Kafka it lies."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from receiver.journal.entries import Stores, open_stores
from receiver.journal.erasing import Erased
from receiver.journal.search import FoundOperation, Search
from receiver.model.callback import EntryId, is_simulated
from receiver.model.clock import Clock
from receiver.model.errors import ConfigurationError, KafkaUnavailable
from receiver.model.operation import operation_key
from receiver.model.records import OutboxRecord, QuarantineFilter
from receiver.model.times import from_us, to_us
from receiver.operate.context import Context
from receiver.operate.lookup import (
    SeveralOperations,
    UnknownOperation,
    mentioned,
    mentioned_in_index,
    operations_in_index,
    operations_with_id,
)
from receiver.operate.replay_callbacks import differences
from receiver.operate.verifying_key import verifying_key
from receiver.providers.contract import Sources
from receiver.publish.ports import Kafka, Places

QUARANTINE_SCAN_MAX = 10_000
"""Quarantined callbacks that a timeline looks through."""
NO_RETIRED: Mapping[str, Sequence[bytes]] = {}
BEFORE_MS = 60_000
"""How much before an event's receipt its record may lie on Kafka, by a clock that was set meanwhile."""
EVENT_FIELDS = (
    "operation_id",
    "status",
    "provider_status",
    "sequence",
    "revision",
    "effective",
    "anomalies",
    "observed_via",
    "event_id",
)


@dataclass(slots=True)
class _Arrival:
    """One row, and the event record that it became."""

    row: dict[str, Any]
    record: OutboxRecord | None = None


async def timeline(
    context: Context,
    operation: str,
    retired: Mapping[str, Sequence[bytes]] = NO_RETIRED,
    scan_s: float = math.inf,
) -> list[dict[str, Any]]:
    """What arrived of an operation, what it became, and where on Kafka it lies, in order of receipt.

    ``operation`` is the provider's id, its beginning, the whole key, or what an event of it says (``operate.lookup``).
    ``retired``: source → its secrets that are live no more, for callbacks that none of the live ones verifies.
    Callbacks that nobody could read are looked through for its id, for ``scan_s`` at most; where that is limited, an
    operation is found by the index and the newest records alone, else all there is is read before nothing is known of
    it. Raises ``UnknownOperation``, and ``SeveralOperations`` where it stands for more than one.
    """
    everywhere = scan_s == math.inf
    with (
        open_stores(context.journal) as stores,
        closing(context.journal.search()) as search,
        closing(context.journal.index()) as index,
    ):
        reader = _Reader(stores, search, _sources_at_hand(context), retired)
        told = cache(index.find)  # it has a time of its own, and is asked once
        found = operations_by_key(context, search, operation)
        if not found:
            with_id = operations_with_id if everywhere else operations_in_index
            found = with_id(told(operation), search, operation)
        if len(found) > 1:
            raise SeveralOperations("several operations have this id", [one.key for one in found])
        arrivals = reader.arrivals(found[0].number) if found else []
        known = {arrival.row["callback"] for arrival in arrivals}
        arrivals += reader.in_quarantine(operation, known, context.clock, scan_s)
        if not arrivals:
            key = (
                mentioned(context.clock, stores.outbox, search, told(operation), operation)
                if everywhere
                else mentioned_in_index(told(operation), operation)
            )
            found = search.operations_by_key([key])
            arrivals = reader.arrivals(found[0].number) if found else []
    if not arrivals:
        raise UnknownOperation(f"nothing is known of an operation {operation}")
    _note_changes(arrivals)
    if context.kafka is not None:
        with contextlib.suppress(KafkaUnavailable):
            await _add_places(context.kafka, context.journal.journal_id, arrivals)
    rows = [arrival.row for arrival in arrivals]
    if found:
        rows += [_act(act) for act in context.journal.erasures() if act.operation == found[0].key]
    return sorted(rows, key=lambda row: (row["received_at"] or "", *_number(row["callback"])))


def _number(callback: int | str | None) -> tuple[int, str]:
    # Of one moment: callbacks by their numbers, then answers of an API.
    return (callback, "") if isinstance(callback, int) else (1 << 62, str(callback))


def _note_changes(arrivals: Sequence[_Arrival]) -> None:
    """Say of each later revision of a status word what is otherwise than in the one before."""
    last: dict[str, dict[str, Any]] = {}
    events = [(arrival.record, arrival.row) for arrival in arrivals if arrival.record is not None]
    for record, row in sorted(events, key=lambda one: one[0].number):
        event = orjson.loads(record.value)
        before = last.get(event["provider_status"])
        last[event["provider_status"]] = event
        if before is not None:
            changed = differences(before, event)
            row["changed"] = {name: {"was": was, "now": now} for name, (was, now) in changed.items()}


def _act(act: Erased) -> dict[str, Any]:
    told = {"who": act.who, "reason": act.reason, "what": act.what}
    row = {"callback": None, "received_at": from_us(act.erased_at_us), "source": None, "outcome": "erased"}
    return row | {"record": None} | told


def find_operations(context: Context, search: Search, operation: str) -> Sequence[FoundOperation]:
    """The operations with this key, or with this id of their provider.

    The keys that the configured sources would give are looked up first, which takes no time, then the index; all
    operations are read only where neither knows it.
    """
    found = operations_by_key(context, search, operation)
    if found:
        return found
    with closing(context.journal.index()) as index:
        return operations_with_id(index.find(operation), search, operation)


def operations_by_key(context: Context, search: Search, operation: str) -> Sequence[FoundOperation]:
    """The operations with this key, or with one that a configured source would give this id."""
    return search.operations_by_key({operation, *_likely_keys(context, operation)})


def _sources_at_hand(context: Context) -> Sources:
    try:
        return context.sources
    except ConfigurationError:  # the secrets are not there for who only looks
        return {}


def _likely_keys(context: Context, operation_id: str) -> set[str]:
    return {
        operation_key(provider.slug, source.account, kind.name, operation_id)
        for provider, source in _sources_at_hand(context).values()
        for kind in provider.all_kinds(source)
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    stores: Stores
    search: Search
    sources: Sources
    retired: Mapping[str, Sequence[bytes]]

    def arrivals(self, operation: int) -> list[_Arrival]:
        """Callbacks, answers of the API, and events taken over from Kafka."""
        found = [
            self._arrival(EntryId(outcome.store, outcome.number), outcome.outcome, outcome.record)
            for outcome in self.search.arrivals(operation)
        ]
        shown = {arrival.row["record"] for arrival in found}
        rest = [record for record in self.search.records_of(operation) if record not in shown]
        return found + [self._arrival(None, "event", record) for record in rest]

    def _arrival(self, entry_id: EntryId | None, outcome: str, number: int | None) -> _Arrival:
        entry = self.stores.entry(entry_id) if entry_id is not None else None
        record = None if number is None else self.search.record(number)
        row: dict[str, Any] = {
            "callback": None if entry_id is None else entry_id.to_json(),
            "received_at": from_us(entry.callback.received_at_us) if entry else record.received_at if record else None,
            "source": entry.callback.source if entry else record.source if record else None,
            "outcome": outcome,
            "record": number,
        }
        if is_simulated(entry.callback.headers) if entry else record is not None and record.simulated:
            row["simulated"] = True
        if entry is not None and entry.store == "inbox":
            key = verifying_key(entry.callback, self.sources, self.retired.get(entry.callback.source, ()))
            row |= {} if key is None else {"key": key}
        if record is None or record.record_type != "event":
            return _Arrival(row)
        event = orjson.loads(record.value)
        return _Arrival(row | {name: event[name] for name in EVENT_FIELDS}, record if outcome == "event" else None)

    def in_quarantine(self, operation: str, known: set[Any], clock: Clock, scan_s: float) -> list[_Arrival]:
        """What nobody could read, where its bytes have the id; as many as are looked at in ``scan_s``."""
        arrivals = []
        ends_s = clock.monotonic_s() + scan_s
        identity = operation.rpartition(":")[2].encode()
        for standing in self.search.quarantine(QuarantineFilter(state=None), None, QUARANTINE_SCAN_MAX):
            entry = self.stores.entry(standing.id) if standing.id.to_json() not in known else None
            if entry is not None and identity in entry.callback.body:
                row = {
                    "callback": standing.id.to_json(),
                    "received_at": standing.received_at,
                    "source": standing.source,
                    "outcome": "quarantine",
                    "record": standing.record,
                    "state": standing.state,
                    "reason": standing.reason,
                    "detail": standing.detail,
                }
                if is_simulated(entry.callback.headers):
                    row["simulated"] = True
                arrivals.append(_Arrival(row))
            if clock.monotonic_s() > ends_s:
                break
        return arrivals


async def places_of(kafka: Kafka, journal_id: str, records: Sequence[OutboxRecord]) -> Places:
    """Where on the status topics some event records lie; raises ``KafkaUnavailable``."""
    if not records:
        return {}
    routed = [message for record in records for message in kafka.route(record, journal_id)]
    messages = [message for message in routed if message.topic in kafka.status_topics]
    since_ms = min(to_us(record.received_at) for record in records) // 1000 - BEFORE_MS
    return await kafka.find(messages, max(0, since_ms))


async def _add_places(kafka: Kafka, journal_id: str, arrivals: Sequence[_Arrival]) -> None:
    records = [arrival.record for arrival in arrivals if arrival.record is not None]
    if not records:
        return
    found = await places_of(kafka, journal_id, records)
    for arrival in arrivals:
        arrival.row["kafka"] = [
            {"topic": topic, "partition": partition, "offset": offset}
            for (topic, record), (partition, offset) in sorted(found.items())
            if arrival.record is not None and record == arrival.record.number
        ]
