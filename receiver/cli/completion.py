"""``completion``: what a shell needs to complete commands, options, sources, statuses and operations."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from receiver.cli.output import show_line

VARIABLE = "_RECEIVER_COMPLETE"
"""With it in the environment the command line completes instead of running, as click has it."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and what they take."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    for line in found(ctx.find_root().command, {}, "receiver", VARIABLE).source().splitlines():
        show_line(line)
