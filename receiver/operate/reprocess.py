"""What today's code would say otherwise of callbacks that became events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import orjson

from receiver.interpret.requests import reprocess
from receiver.journal.entries import open_stores
from receiver.operate.context import Context
from receiver.operate.replay_callbacks import differences
from receiver.operate.selection import Filter, choose

Differences = Mapping[str, tuple[Any, Any]]
"""Field → (what was published, what today's code says)."""


def reprocess_preview(context: Context, wanted: Filter) -> Iterator[tuple[int, Mapping[str, Any], Differences]]:
    """(inbox number, event, differences) of the chosen events that today's code would read otherwise."""
    with open_stores(context.journal) as stores, closing(context.journal.search()) as search:
        for one in choose(stores.inbox, stores.outbox, search, wanted):
            if one.outcome != "event" or one.event is None:
                continue
            batch = reprocess([one.entry.number], context.rules(), stores).batch
            for record in batch.records:
                changed = differences(one.event, orjson.loads(record.value))
                if changed:
                    yield one.entry.number, one.event, changed
