"""What providers changed: body fields nobody knows, and sources that fell silent."""

from __future__ import annotations

from typing import Any

from receiver.model.times import from_us
from receiver.service.config.settings import Settings
from receiver.service.journal import open_outbox
from receiver.service.system_clock import SystemClock


def drift(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Unknown body fields by source and name; and when each source was last heard of, s ago."""
    outbox = open_outbox(settings)
    try:
        fields = [
            {"source": source, "field": name, "callbacks": count, "first_seen": first_seen}
            for source, name, count, first_seen in outbox.drift()
        ]
        heard = outbox.last_heard()
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
