"""``track``, ``reconcile``: ask the provider's API what became of an operation."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from receiver.cli.choices import SOURCE
from receiver.cli.context import make_journal, open_configured
from receiver.cli.exit_codes import INTERRUPTED
from receiver.cli.help_text import example
from receiver.cli.output import config_option, json_option, say, show_table, write_json
from receiver.journal.engines import is_held
from receiver.model.errors import ReceiverError
from receiver.operate import watchlist
from receiver.service import logs
from receiver.service.config.journal_options import engine_options
from receiver.service.config.polls import need_polled
from receiver.service.processes.reconcile import once as ask_once

COLUMNS = ("source", "operation", "state", "open_s", "overdue", "last_answer", "next", "failures", "why")

NO_SERVICE = "no service runs: it is asked for once `receiver serve` does, or by `receiver reconcile once`"


@click.command()
@config_option
@click.argument("source", type=SOURCE)
@click.argument("operation")
def track(config: Path | None, source: str, operation: str) -> None:
    """Ask SOURCE's provider about OPERATION, the provider's id, from now on until it is over."""
    opened = open_configured(config)
    polls = need_polled(opened.settings)
    if source not in polls:
        raise ReceiverError(f"{source} has no `poll`; those that have: {', '.join(polls)}")
    watchlist.check_operation_id(opened.context, source, operation)
    make_journal(opened)  # a swap may be created before the first service runs
    watchlist.track(opened.context, source, operation)
    options = engine_options(opened.settings, opened.environ)
    how = "the service asks at once" if is_held(opened.settings.journal.url, options) else NO_SERVICE
    if not polls[source].enabled:
        how = "`poll.enabled` is off: `receiver reconcile once` asks"
    say(f"{operation} is watched: {how}")


@click.group()
def reconcile() -> None:
    """Ask providers' APIs what became of operations; `serve` does it by itself where a source has `poll`."""


@reconcile.command(short_help="Ask for all that is open now, once; for cron", epilog=example("receiver reconcile once"))
@config_option
@json_option
def once(config: Path | None, *, as_json: bool) -> int:
    """Ask for all that is open now, also where `poll.enabled` is off; for cron. Exit 1 where a call failed."""
    logs.configure(people=True, level=logging.WARNING)
    opened = open_configured(config)
    need_polled(opened.settings)
    make_journal(opened)
    context = opened.context
    try:
        rounds = asyncio.run(ask_once(opened.settings, opened.environ, context.journal, context.log))
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


@reconcile.command(
    "list",
    short_help="List the operations that are asked about, the oldest first",
    epilog=example("receiver reconcile list --overdue"),
)
@config_option
@click.option("--overdue", is_flag=True, help="Only those open for longer than `poll.overdue_s`.")
@json_option
def list_command(config: Path | None, *, overdue: bool, as_json: bool) -> None:
    """List the operations that are asked about, the oldest first."""
    opened = open_configured(config)
    overdue_s = {name: poll.overdue_s for name, poll in need_polled(opened.settings).items()}
    rows = watchlist.listed(opened.context, overdue_s, overdue=overdue)
    if as_json:
        write_json(rows)
    else:
        cells = (["" if row[name] is None else row[name] for name in COLUMNS] for row in rows)
        show_table("", COLUMNS, cells, empty="no operation is overdue" if overdue else "no operation is asked about")
