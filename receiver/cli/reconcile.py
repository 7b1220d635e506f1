"""``track``, ``reconcile``: ask the provider's API what became of an operation."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from receiver.cli.exit_codes import INTERRUPTED
from receiver.cli.output import config_option, json_option, load_or_built_in, say, show_table, write_json
from receiver.operate import watchlist
from receiver.service import logs

COLUMNS = ("source", "operation", "state", "open_s", "overdue", "last_answer", "next", "failures", "why")


@click.command()
@config_option
@click.argument("source")
@click.argument("operation")
def track(config: Path | None, source: str, operation: str) -> None:
    """Ask SOURCE's provider about OPERATION, the provider's id, from now on until it is over."""
    settings, environ = load_or_built_in(config)
    by_itself = watchlist.track(settings, environ, source, operation)
    how = "a running service asks at once" if by_itself else "`poll.enabled` is off: `receiver reconcile once` asks"
    say(f"{operation} is watched: {how}")


@click.group()
def reconcile() -> None:
    """Ask providers' APIs what became of operations; `serve` does it by itself where a source has `poll`."""


@reconcile.command()
@config_option
@json_option
def once(config: Path | None, *, as_json: bool) -> int:
    """Ask for all that is open now, also where `poll.enabled` is off; for cron. Exit 1 where a call failed."""
    logs.configure(people=True, level=logging.WARNING)
    settings, environ = load_or_built_in(config)
    try:
        rounds = asyncio.run(watchlist.once(settings, environ))
    except KeyboardInterrupt:
        say("interrupted: what was learnt is in the journal; the same command asks for the rest")
        return INTERRUPTED
    columns = ("source", "asked", "learnt", "failed")
    rows = [(name, done.asked, done.learnt, done.failed) for name, done in rounds.items()]
    if as_json:
        write_json(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        show_table("", columns, rows)
    if any(done.learnt for done in rounds.values()):
        say("what was learnt is in the journal: a running service publishes it within a second")
    return 1 if any(done.failed for done in rounds.values()) else 0


@reconcile.command("list")
@config_option
@click.option("--overdue", is_flag=True, help="Only those open for longer than `poll.overdue_s`.")
@json_option
def list_command(config: Path | None, *, overdue: bool, as_json: bool) -> None:
    """List the operations that are asked about, the oldest first."""
    settings, _ = load_or_built_in(config)
    rows = watchlist.listed(settings, overdue=overdue)
    if as_json:
        write_json(rows)
    else:
        show_table("", COLUMNS, (["" if row[name] is None else row[name] for name in COLUMNS] for row in rows))
