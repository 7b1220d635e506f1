"""``quarantine list | show | redrive | close``: genuine callbacks that nobody could read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from exchange_events.quarantine import Reason
from receiver.cli.choices import need_source, since_option, source_option, until_option
from receiver.cli.context import Opened, load_context, open_configured
from receiver.cli.help_text import example
from receiver.cli.output import config_option, json_option, say, show_line, show_table, write_json
from receiver.journal.index import QuarantineGroup
from receiver.model.callback import EntryId
from receiver.model.errors import ReceiverError
from receiver.model.records import QuarantineFilter
from receiver.model.times import from_us
from receiver.operate import requests
from receiver.operate.quarantine import in_groups, preview, quarantined, quarantined_whole, with_words
from receiver.operate.requests import REQUEST_MAX
from receiver.service import logs

GROUPED = ("count", "source", "reason", "detail", "word", "first", "last", "newest")
COLUMNS = ("id", "source", "received_at", "reason", "detail", "word", "state", "why")
WORK_LATER = "no running service carried it out yet: it will, in order, once `receiver serve` runs"


class Id(click.ParamType[EntryId]):
    """``4711``, or ``poll-12`` for what a provider's API said."""

    name = "ID"

    def convert(self, value: Any, param: Any, ctx: Any) -> EntryId:
        """Fail with a sentence on anything else."""
        try:
            return value if isinstance(value, EntryId) else EntryId.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def chosen(function: Any) -> Any:
    """The options that choose."""
    for option in (
        source_option,
        click.option("--reason", type=click.Choice(get_args(Reason)), help="Only for this reason."),
        since_option,
        until_option,
        click.option("--id", "ids", type=Id(), multiple=True, help="Only this one; may be repeated."),
    ):
        function = option(function)
    return function


def _wanted(opened: Opened, choice: dict[str, Any], state: str | None = "open") -> QuarantineFilter:
    need_source(opened, choice["source"])
    since, until = (None if at_us is None else from_us(at_us) for at_us in (choice["since_us"], choice["until_us"]))
    return QuarantineFilter(choice["source"], choice["reason"], since, until, state)


@click.group()
def quarantine() -> None:
    """Genuine callbacks that nobody could read: kept whole, and tried again after a fix."""


@quarantine.command(
    "list",
    short_help="List them in groups that say the same, the largest first",
    epilog=example("receiver quarantine list --reason unknown_status --each"),
)
@config_option
@chosen
@click.option("--state", type=click.Choice(["open", "redriven", "closed", "all"]), default="open", show_default=True)
@click.option("--each", is_flag=True, help="One line for each, oldest first, as --json and --id always have it.")
@json_option
def list_command(
    config: Path | None, *, state: str, each: bool, as_json: bool, ids: tuple[EntryId, ...], **choice: Any
) -> None:
    """List them in groups that say the same, the largest first, each with its newest callback."""
    opened = open_configured(config)
    wanted = _wanted(opened, choice, None if state == "all" else state)
    found = quarantined(opened.context, wanted, ids)
    if as_json:
        write_json(with_words(opened.context, found))
        return
    nothing = _nothing(state, narrowed=bool(ids) or any(choice.values()))
    if each or ids:
        rows = with_words(opened.context, found)
        show_table("", COLUMNS, ([one[column] for column in COLUMNS] for one in rows), empty=nothing)
    else:
        show_table("", GROUPED, map(_group, in_groups(opened.context, found)), empty=nothing)


def _group(one: QuarantineGroup) -> tuple[Any, ...]:
    return one.count, one.source, one.reason, one.detail, one.word, one.first, one.last, one.example


def _nothing(state: str, *, narrowed: bool) -> str:
    if narrowed:
        return "nothing in quarantine is chosen by that"
    return "nothing is or was in quarantine" if state == "all" else f"nothing in quarantine is {state}"


@quarantine.command(
    short_help="Show one with its headers and its body, masked", epilog=example("receiver quarantine show 4711")
)
@config_option
@click.argument("entry_id", metavar="ID", type=Id())
@click.option("--unmasked", is_flag=True, help="With whole card numbers in its body.")
@json_option
def show(config: Path | None, entry_id: EntryId, *, unmasked: bool, as_json: bool) -> None:
    """Show one with its headers, without signatures, and its body on one line, card numbers masked."""
    context = load_context(config)
    said = quarantined_whole(context, entry_id, unmasked=unmasked)
    if as_json:
        write_json([said])
        return
    body = said.pop("body", None)
    headers = said.pop("headers", [])
    show_table("", ("field", "value"), said.items())
    show_table("", ("header", "value"), headers)
    show_line(body if body is not None else "its body has been purged")


@quarantine.command(
    short_help="Interpret them again; what is readable now is published",
    epilog=example("receiver quarantine redrive --source swaps --dry-run"),
)
@config_option
@chosen
@click.option("--dry-run", is_flag=True, help="Only show what would be published.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def redrive(
    config: Path | None, *, dry_run: bool, yes: bool, as_json: bool, ids: tuple[EntryId, ...], **choice: Any
) -> int:
    """Interpret them with today's code and configuration; what is readable now is published in its place."""
    logs.configure(people=True)
    opened = open_configured(config)
    context = opened.context
    found = [one.id for one in quarantined(context, _wanted(opened, choice), ids)]
    if not found:
        say("nothing in quarantine is chosen by that")
        return 0
    rows = []
    for at in range(0, len(found), REQUEST_MAX):
        rows += preview(context, found[at : at + REQUEST_MAX])
    _show_preview(rows, as_json=as_json)
    if dry_run or not (yes or click.confirm(f"Redrive {len(found)}?", err=True, abort=True)):
        return 0
    number, done = requests.request(context, "redrive", found)
    say(f"request {number}: " + ("done" if done else WORK_LATER))
    return 0


def _show_preview(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        write_json(rows)
        return
    columns = (
        "id",
        "source",
        "becomes",
        "operation",
        "status",
        "sequence",
        "effective",
        "anomalies",
        "reason",
        "detail",
    )
    show_table("", columns, ([_cell(row.get(column, "")) for column in columns] for row in rows))


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


@quarantine.command(
    short_help="End one that will never be readable",
    epilog=example("receiver quarantine close poll-12 --why 'a test of theirs'"),
)
@config_option
@click.argument("entry_id", metavar="ID", type=Id())
@click.option("--why", required=True, help="For whoever looks at it later.")
def close(config: Path | None, entry_id: EntryId, why: str) -> None:
    """End one that will never be readable."""
    context = load_context(config)
    if not list(quarantined(context, QuarantineFilter(), (entry_id,))):
        raise ReceiverError(f"callback {entry_id} is not open in quarantine")
    request, done = requests.request(context, "close", [entry_id], why=why)
    say(f"request {request}: " + ("done" if done else WORK_LATER))
