"""The options that choose events, and the callbacks that became them, for every command that works on a selection."""

from __future__ import annotations

from typing import Any

import click

from receiver.cli.choices import (
    ANOMALY,
    FAMILY,
    KIND,
    OBSERVED_VIA,
    OPERATION,
    PROVIDER,
    STATUS,
    Amount,
    YesOrNo,
    since_option,
    source_option,
    until_option,
)
from receiver.operate.selection import Filter

NAMES = tuple(Filter.__dataclass_fields__)
"""Of the options' values, as ``Filter`` takes them."""


def event_filters(function: Any) -> Any:
    """Add those that say what an event is to be; the command is given their values by the names of ``Filter``."""
    for option in (
        since_option,
        until_option,
        source_option,
        click.option("--provider", type=PROVIDER, help="Only events of this provider."),
        click.option("--family", type=FAMILY, help="Only events of this family."),
        click.option("--kind", type=KIND, help="Only events of this kind."),
        click.option("--operation", type=OPERATION, help="Only events with this id of the provider."),
        click.option("--status", type=STATUS, help="Only events with this status."),
        click.option("--anomaly", type=ANOMALY, help="Only events with this anomaly."),
        click.option("--effective", type=YesOrNo(), help="Only events that are, or are not, their operation's state."),
        click.option("--observed-via", type=OBSERVED_VIA, help="Only events that came this way."),
        click.option("--amount", type=Amount(), help="Only events with this amount spent, received or paid out."),
    ):
        function = option(function)
    return function


def filters(function: Any) -> Any:
    """Add all of them to a command that works on what they choose."""
    limit = click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest.")
    sequence = click.option("--sequence", type=int, help="Only events with this sequence.")
    return event_filters(sequence(limit(function)))
