"""Journals as files, and runs of replay, wired: export, import, replay to HTTP, Kafka and stdout, reprocess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from receiver.model.callback import VerifiedCallback
from receiver.operate import context as lookup
from receiver.operate.archive import operation_of, read_any, to_line
from receiver.operate.replay_callbacks import Item
from receiver.operate.selection import Chosen, Filter, choose
from receiver.service.config.settings import Settings
from receiver.service.system_clock import SystemClock


def chosen(settings: Settings, wanted: Filter, after: int = 0) -> Iterator[Chosen]:
    """The chosen callbacks of the journal, in order of receipt."""
    with lookup.stores(settings) as (inbox, outbox):
        yield from choose(inbox, outbox, wanted, after)


def count(settings: Settings, wanted: Filter) -> tuple[int, Counter[str]]:
    """How many callbacks are chosen, and of what."""
    kinds: Counter[str] = Counter()
    for one in chosen(settings, wanted):
        kinds[f"{one.event['kind']} {one.event['status']}" if one.event else one.outcome] += 1
    return kinds.total(), kinds


def export(settings: Settings, wanted: Filter, *, unmasked: bool) -> Iterator[bytes]:
    """The chosen callbacks as lines."""
    for one in chosen(settings, wanted):
        about: dict[str, Any] = {"outcome": one.outcome}
        if one.event is not None:
            about |= {"operation": one.event["operation_id"], "status": one.event["status"]}
        yield to_line(one.entry.number, one.entry.callback, about, unmasked=unmasked)


def items(settings: Settings, wanted: Filter, after: int) -> Iterator[Item]:
    """The chosen callbacks, to be sent again."""
    for one in chosen(settings, wanted, after):
        yield Item(one.entry.number, operation_of(one.event, one.entry.number), one.entry.callback)


def items_of_file(text: str, source: str | None, wanted: Filter) -> Iterator[Item]:
    """The callbacks of a file, to be sent again; they are not interpreted, so only time and source choose."""
    for place, (_, callback, _) in enumerate(read_any(text, source, SystemClock().now_us()), start=1):
        if wanted.limit is not None and place > wanted.limit:
            return
        if wanted.lets_time(callback.received_at_us) and wanted.source in {None, callback.source}:
            yield Item(place, _rough_operation(callback), callback)


def _rough_operation(callback: VerifiedCallback) -> str:
    # Only to keep the order of what belongs together: the sender trusts nothing of it.
    try:
        said = orjson.loads(callback.body)
        return f"{callback.source} {said['id']}"
    except (ValueError, KeyError, TypeError):
        return callback.source
