"""The options that choose callbacks, for every command that works on a selection."""

from __future__ import annotations

from typing import Any

import click

from receiver.cli.choices import FAMILY, KIND, OPERATION, PROVIDER, STATUS, since_option, source_option, until_option
from receiver.operate.selection import Filter

NAMES = tuple(Filter.__dataclass_fields__)
"""Of the options' values, as ``Filter`` takes them."""


def filters(function: Any) -> Any:
    """Add them to a command, which is given their values by the names of ``Filter``."""
    for option in (
        since_option,
        until_option,
        source_option,
        click.option("--provider", type=PROVIDER, help="Only events of this provider."),
        click.option("--family", type=FAMILY, help="Only events of this family."),
        click.option("--kind", type=KIND, help="Only events of this kind."),
        click.option("--operation", type=OPERATION, help="Only events with this id of the provider."),
        click.option("--status", type=STATUS, help="Only events with this status."),
        click.option("--sequence", type=int, help="Only events with this sequence."),
        click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    ):
        function = option(function)
    return function
