"""What the outbox says of operations that an API can be asked about. Pure.

Reconcile follows the outbox: an operation that a callback opened is asked for on a schedule, one that a callback
closed or contradicted is asked for at once, and so is one that a callback in quarantine may be about.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from receiver.journal.watchlist import WatchUpdate
from receiver.model.callback import JournalEntry
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import read_json
from receiver.model.records import OutboxRecord
from receiver.model.times import to_us
from receiver.providers.contract import Api

RECENT_US = 48 * 3600 * 1_000_000
"""What was settled longer ago is not asked for again: a journal may hold years of it."""


def watch_update(
    record: OutboxRecord, api: Api, entry_at: Callable[[int], JournalEntry | None], now_us: int
) -> WatchUpdate | None:
    """Tell what one outbox record means for the watch; None: nothing."""
    at_us = to_us(record.received_at)
    recent = now_us - at_us < RECENT_US
    if record.record_type == "quarantine":
        entry = entry_at(record.callback) if record.callback is not None and recent else None
        found = None if entry is None else _hint(record, api, entry)
        return None if found is None else WatchUpdate(record.source, found, at_us, at_us, reopen=True)
    if record.record_type != "event" or record.kind not in {kind.name for kind in api.kinds.values()}:
        return None
    if api.operation_id.fullmatch(record.operation_id) is None:
        return None
    return _of_event(record, api, at_us, recent=recent)


def _of_event(record: OutboxRecord, api: Api, at_us: int, *, recent: bool) -> WatchUpdate | None:
    said = orjson.loads(record.value)
    if said["observed_via"] == "poll":
        return None  # whoever asked has noted it
    contradicted = "conflict" in said["anomalies"]
    if said["terminal"]:
        if recent:
            reopen = contradicted or "amended" in said["anomalies"]
            return WatchUpdate(record.source, record.operation_id, at_us, at_us, reopen)
        return None if contradicted else WatchUpdate(record.source, record.operation_id, at_us, None)
    if not said["effective"]:
        return None
    interval_s = api.interval_s(0)
    due_us = at_us if interval_s is None else at_us + int(interval_s * 1_000_000)
    return WatchUpdate(record.source, record.operation_id, at_us, due_us)


def _hint(record: OutboxRecord, api: Api, entry: JournalEntry) -> str | None:
    try:
        body = read_json(entry.callback.body)
    except NotUnderstood:
        return None
    found = api.hint(str(orjson.loads(record.value)["reason"]), body)
    return found if found is not None and api.operation_id.fullmatch(found) else None
