"""What today's code would say otherwise of callbacks that became events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from receiver.interpret.entry import Rules
from receiver.interpret.requests import reprocess
from receiver.operate import context as lookup
from receiver.operate.replay_callbacks import differences
from receiver.operate.selection import Filter, choose
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources


def reprocess_preview(
    settings: Settings, environ: Mapping[str, str], wanted: Filter
) -> Iterator[tuple[int, dict[str, Any], dict[str, tuple[Any, Any]]]]:
    """(inbox number, event, field → (before, now)) of the chosen events that today's code would read otherwise."""
    sources = resolve_sources(settings, environ)
    with lookup.stores(settings) as (inbox, outbox):
        rules = Rules(sources=sources, record_bytes_max=2**31, publish_body=False, log=logs.get())
        for one in choose(inbox, outbox, wanted):
            if one.outcome != "event" or one.event is None:
                continue
            batch = reprocess([one.entry.number], rules, inbox=inbox, outbox=outbox).batch
            for record in batch.records:
                after = orjson.loads(record.value)
                changed = differences(one.event, after)
                if changed:
                    yield one.entry.number, dict(one.event), changed
