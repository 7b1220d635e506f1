"""``journal``: a journal as a thing to look after, from ``init`` and ``check`` to ``move`` and ``adopt``."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from receiver.cli.context import init_configured, load_context, open_configured
from receiver.cli.help_text import example
from receiver.cli.output import config_option, json_option, say, show_line, show_table, write_json
from receiver.cli.progress import patience, progress
from receiver.journal.erasing import Erased
from receiver.journal.index import Indexed
from receiver.model.times import from_us
from receiver.operate import journal as journal_operate
from receiver.operate.context import Context
from receiver.operate.indexing import clear_index, make_index
from receiver.operate.rejoin_plan import Plan

CHECK_PATIENCE_S = 5.0
"""Of silence: all of the journal is read."""


@click.group()
def journal() -> None:
    """The journal: check it, mend it, copy it, index it, measure it."""


@journal.command(
    short_help="Make the journal, or bring it to today's format", epilog=example("receiver journal init --slots 4")
)
@config_option
@click.option("--slots", default=1, show_default=True, help="Parts that are interpreted apart; only ever more.")
@click.option("--allow", metavar="ROLE", help="A role of the database that services run under: it changes no table.")
def init(config: Path | None, slots: int, allow: str | None) -> None:
    """Make the journal, or bring it to today's format; safe to repeat. One on PostgreSQL is made by nothing else."""
    for line in init_configured(open_configured(config), slots, allow):
        show_line(line)


@journal.command(
    short_help="Verify the stores, each callback, and the position", epilog=example("receiver journal check")
)
@config_option
@json_option
def check(config: Path | None, *, as_json: bool) -> int:
    """Verify the stores, that each callback is accounted for, and the position against Kafka."""
    context = load_context(config)
    with patience("the whole journal to be read, and Kafka", CHECK_PATIENCE_S):
        checked = asyncio.run(journal_operate.check(context))
    if as_json:
        erased = [
            {"operation": act.operation, "erased_at": from_us(act.erased_at_us), **_act(act)} for act in checked.erased
        ]
        told = {"journal": checked.journal_id, "faults": checked.faults, "kafka": checked.kafka, "erased": erased}
        write_json([told])
    else:
        for fault in checked.faults:
            show_line(fault)
        for act in checked.erased:
            say(f"{act.operation} was erased at {from_us(act.erased_at_us)} by {act.who}: {act.reason}")
        say(checked.kafka)
        count = "one fault" if len(checked.faults) == 1 else f"{len(checked.faults)} faults"
        show_line(f"journal {checked.journal_id}: " + (count if checked.faults else "sound"))
    return 1 if checked.faults else 0


def _act(act: Erased) -> dict[str, Any]:
    return {"who": act.who, "reason": act.reason, "what": act.what}


@journal.command(
    short_help="Mend a journal that does not fit what Kafka remembers", epilog=example("receiver journal rejoin")
)
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--slot", type=click.IntRange(0), default=0, show_default=True, help="The slot of the journal to mend.")
def rejoin(config: Path | None, slot: int, *, yes: bool) -> int:
    """Mend a journal that does not fit what Kafka remembers of it; shows what it will do, and asks."""
    context = load_context(config, decides=True)

    def agree(fault: str, plan: Plan) -> bool:
        say(fault)
        for line in plan.lines():
            show_line(line)
        return yes or click.confirm("Do that?", err=True)

    decided = asyncio.run(journal_operate.rejoin(context, agree, slot))
    say(_fits(context, slot) if decided is None else "done: the relay goes on by itself")
    return 0


def _fits(context: Context, slot: int) -> str:
    # The relay's words name the command without a slot: whoever repeats them should not go away comforted.
    with closing(context.journal.slots()) as held:
        others = len(held.states()) > 1
    return "they fit: nothing to do" + (f" in slot {slot}; `--slot` names another" if others else "")


@journal.command(
    short_help="Let go of all keys but the first of `journal.keys`", epilog=example("receiver journal rekey")
)
@config_option
def rekey(config: Path | None) -> None:
    """Have all that is sealed open by the first of `journal.keys` alone, so that the others can be thrown away."""
    context = load_context(config)
    for key_id, count in context.journal.rekey().items():
        show_line(f"key {key_id}: {count} data keys are under the first key now")
    say("done: the journal needs the first key alone; backups from before still need the others")


@journal.command(
    short_help="Copy all stores consistently to an empty folder",
    epilog=example("receiver journal backup /backup/today"),
)
@config_option
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
def backup(config: Path | None, path: Path) -> None:
    """Copy all stores consistently to an empty folder, also while the service runs."""
    context = load_context(config)
    for copy, size in context.journal.backup(path).items():
        show_line(f"{copy}  {size} bytes")
    say("to restore: stop the service, put the folder in the journal's place, start, run `receiver journal check`")
    keys = [name.split("_")[1] for name in context.journal.stats() if name.startswith("key_")]
    if keys:
        say(f"the copy is as sealed as the journal: restoring it needs the key {', '.join(keys)}, which is not in it")


@journal.command(
    short_help="Make the index by which things are found, or go on with it", epilog=example("receiver journal index")
)
@config_option
@click.option("--anew", is_flag=True, help="Begin again with an empty one.")
@json_option
def index(config: Path | None, *, anew: bool, as_json: bool) -> None:
    """Make the index by which `show`, `tail` and the console find things, or go on where it was left.

    Safe while the service runs; with `nice` before it, nobody notices. The index is no part of the journal: it may be
    deleted, and no backup has it.
    """
    context = load_context(config)
    if anew:
        clear_index(context)
    with closing(context.journal.index()) as found:
        begun = found.indexed()
    at = begun.to
    with progress("records indexed", begun.of - at) as advance:

        def told(now: Indexed) -> None:
            nonlocal at
            advance(now.to - at)
            at = now.to

        made = make_index(context, told)
    if as_json:
        write_json([{"indexed_to": made.to, "last_record": made.of, "exact_only": made.exact_only}])
        return
    show_line(f"indexed to {made.to} of {made.of}")
    if made.exact_only:
        say("the journal is sealed: whole values are found, and no parts of them")


@journal.command(
    short_help="Counts, sizes, and how far it is published and indexed", epilog=example("receiver journal stats --json")
)
@config_option
@json_option
def stats(config: Path | None, *, as_json: bool) -> None:
    """Counts, sizes in bytes, and how far it is interpreted, published and indexed."""
    figures = load_context(config).journal.stats()
    if as_json:
        write_json([figures])
    else:
        show_table("", ("figure", "value"), figures.items())


@journal.command(
    short_help="Show who holds each slot, or have more of them", epilog=example("receiver journal slots 4")
)
@config_option
@json_option
@click.argument("count", type=click.IntRange(1), required=False)
def slots(config: Path | None, count: int | None, *, as_json: bool) -> None:
    """Show the journal's slots, who holds each and whose callbacks are there; with COUNT, have so many of them."""
    opened = load_context(config).journal
    with closing(opened.accounts()) as accounts, closing(opened.slots()) as held:
        if count is not None:
            there = accounts.add_slots(count)
            have = "1 slot" if there == 1 else f"{there} slots"
            say(f"the journal has {have}; accounts that are new go to the slot with the fewest")
        assigned = accounts.assigned()
        rows: list[dict[str, Any]] = [
            {
                "slot": state.slot,
                "epoch": state.epoch,
                "holder": state.holder,
                "lease_age_s": None if state.lease_age_s is None else round(state.lease_age_s, 1),
                "accounts": [f"{one.provider} {one.account}".strip() for one in assigned if one.slot == state.slot],
            }
            for state in held.states()
        ]
    if as_json:
        write_json(rows)
    else:
        columns = ("slot", "epoch", "holder", "lease_age_s", "accounts")
        show_table("", columns, ([*list(row.values())[:-1], "; ".join(row["accounts"])] for row in rows))


@journal.command(
    short_help="Have new callbacks of an account in another slot",
    epilog=example("receiver journal move example-pay merchant-7 1"),
)
@config_option
@click.argument("provider")
@click.argument("account")
@click.argument("slot", type=click.IntRange(0))
def move(config: Path | None, provider: str, account: str, slot: int) -> None:
    """Have the callbacks of an account in another slot from now on; '' is the account of a provider that has none.

    Only once all of its old slot is interpreted and on Kafka, so that an operation's events stay in order.
    Callbacks are taken all the while.
    """
    with closing(load_context(config).journal.accounts()) as accounts:
        accounts.move(provider, account, slot)
    say(f"done: new callbacks of {provider} {account}".rstrip() + f" are in slot {slot}")


@journal.command(short_help="Have numbers rise again in a restored database", epilog=example("receiver journal adopt"))
@config_option
def adopt(config: Path | None) -> None:
    """Have numbers rise again in a database that was restored from a dump or copied; no service may run."""
    era = load_context(config).journal.adopt()
    say("nothing to do: numbers rise" if era is None else f"done: numbers rise again, in era {era}")
