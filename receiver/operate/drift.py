"""What providers changed: body fields nobody knows, and sources that fell silent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from receiver.model.cards import mask_cards
from receiver.model.times import from_us
from receiver.operate.context import Context


def unknown_fields(context: Context) -> list[dict[str, Any]]:
    """Body fields that mean nothing to us, by source and name."""
    with closing(context.journal.search()) as search:
        return [asdict(field) | {"field": mask_cards(field.field)} for field in search.drift()]


def silent_sources(context: Context, names: Sequence[str]) -> list[dict[str, Any]]:
    """When each of these sources was last heard of, and how long ago, s."""
    with closing(context.journal.outbox()) as outbox:
        heard_us = outbox.last_heard()
    now_us = context.clock.now_us()
    return [
        {
            "source": name,
            "last_callback": from_us(heard_us[name]) if name in heard_us else None,
            "silent_s": round((now_us - heard_us[name]) / 1e6) if name in heard_us else None,
        }
        for name in names
    ]
