"""Genuine callbacks that nobody could read: which they are, one whole, and what a redrive would make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any

import orjson

from receiver.interpret.requests import redrive
from receiver.journal.entries import open_stores
from receiver.journal.index import QuarantineGroup
from receiver.journal.quarantine_groups import grouped
from receiver.model.callback import EntryId
from receiver.model.cards import mask_cards
from receiver.model.errors import ReceiverError
from receiver.model.masked_body import mask_body
from receiver.model.quarantine_record import WORDS, offending_word, public_headers
from receiver.model.records import OutboxRecord, Quarantined, QuarantineFilter
from receiver.operate.context import Context
from receiver.providers.registry import body_fields

PAGE = 500
"""Standings read at once."""


def quarantined(context: Context, wanted: QuarantineFilter, ids: Collection[EntryId] = ()) -> Iterator[Quarantined]:
    """Those that the filter lets through, of ``ids`` where any are given: callbacks first, by number."""
    with closing(context.journal.search()) as search:
        after: EntryId | None = None
        while found := search.quarantine(wanted, after, PAGE):
            after = found[-1].id
            yield from (standing for standing in found if not ids or standing.id in ids)


def quarantined_whole(context: Context, entry_id: EntryId, *, unmasked: bool = False) -> dict[str, Any]:
    """One of them with its headers, without signatures, and its body as text; raises ``ReceiverError``.

    ``unmasked``: with whole card numbers in the body.
    """
    with open_stores(context.journal) as stores:
        standing = stores.outbox.quarantined([entry_id]).get(entry_id)
        entry = stores.entry(entry_id)
    if standing is None:
        raise ReceiverError(f"callback {entry_id} is not in quarantine")
    whole = row(standing)
    if entry is not None:
        found = context.sources.get(entry.callback.source)
        whole["headers"] = public_headers(entry.callback.headers, found[0].shown_headers if found else frozenset())
        body = entry.callback.body if unmasked else mask_body(entry.callback.body, body_fields())
        whole["body"] = body.decode("utf-8", "backslashreplace")
    return whole


def row(standing: Quarantined) -> dict[str, Any]:
    """A standing as a flat row; ``id`` is a callback's number, or ``poll-12`` for an API's answer."""
    return {**asdict(standing), "id": standing.id.to_json(), "detail": mask_cards(standing.detail)}


def with_words(context: Context, standings: Iterable[Quarantined]) -> Iterator[dict[str, Any]]:
    """Standings as rows with the ``word`` that nobody knew, masked; empty where it is about no word, or is purged."""
    for standing, word in _words(context, standings):
        yield row(standing) | {"word": word}


def in_groups(context: Context, standings: Iterable[Quarantined]) -> list[QuarantineGroup]:
    """Standings by source, reason, detail and the word that nobody knew, the largest group first."""
    return grouped(_words(context, standings))


def _words(context: Context, standings: Iterable[Quarantined]) -> Iterator[tuple[Quarantined, str]]:
    with open_stores(context.journal) as stores:
        for standing in standings:
            entry = stores.entry(standing.id) if standing.reason in WORDS else None
            body = None if entry is None else entry.callback.body
            yield standing, "" if body is None else offending_word(standing.reason, standing.detail, body)


def preview(context: Context, ids: Collection[EntryId]) -> list[dict[str, Any]]:
    """What redriving these would give now: an event, a duplicate, or still a reason. Changes nothing."""
    with open_stores(context.journal) as stores:
        batch = redrive(ids, context.rules(), stores).batch
    records = {record.number: record for record in batch.records}
    # A duplicate's record is that of the event it repeats, which may stand in the same batch.
    events = (one for one in batch.outcomes if one.outcome == "event")
    became = {EntryId(one.store, one.number): records.get(one.record or 0) for one in events}
    return [_becomes(standing, became.get(standing.id)) for standing in batch.quarantined]


def _becomes(standing: Quarantined, record: OutboxRecord | None) -> dict[str, Any]:
    about: dict[str, Any] = {"id": standing.id.to_json(), "source": standing.source}
    if record is not None:
        event = orjson.loads(record.value)
        names = ("status", "sequence", "effective", "anomalies")
        return about | {"becomes": "event", "operation": event["operation_id"], **{name: event[name] for name in names}}
    if standing.state == "redriven":
        return about | {"becomes": "duplicate"}
    return about | {"becomes": "still quarantined", "reason": standing.reason, "detail": standing.detail}
