"""The options that choose callbacks, for every command that works on a selection."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import click

from receiver.operate.selection import Filter

NAMES = tuple(Filter.__dataclass_fields__)
"""Of the options' values, as ``Filter`` takes them."""


class Time(click.ParamType[int]):
    """RFC 3339 → Unix microseconds."""

    name = "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Fail with a sentence on anything else."""
        with contextlib.suppress(TypeError, ValueError):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return round(moment.timestamp() * 1_000_000)
        return self.fail(f"{value!r} is no RFC 3339 time with a zone, as 2024-05-27T08:55:30Z", param, ctx)


def filters(function: Any) -> Any:
    """Add them to a command, which is given their values by the names of ``Filter``."""
    for option in (
        click.option("--since", "since_us", type=Time(), help="Received at or after this RFC 3339 time."),
        click.option("--until", "until_us", type=Time(), help="Received before this RFC 3339 time."),
        click.option("--source", help="Only of this source."),
        click.option("--provider", help="Only events of this provider."),
        click.option("--family", help="Only events of this family."),
        click.option("--kind", help="Only events of this kind."),
        click.option("--operation", help="Only events with this id of the provider."),
        click.option("--status", help="Only events with this status."),
        click.option("--sequence", type=int, help="Only events with this sequence."),
        click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    ):
        function = option(function)
    return function
