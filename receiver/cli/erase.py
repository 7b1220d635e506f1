"""``erase``: forget whose an operation was."""

from __future__ import annotations

import asyncio
import getpass
import os
from pathlib import Path

import click

from receiver.cli.choices import OPERATION
from receiver.cli.context import load_context
from receiver.cli.output import config_option, json_option, say, show_line, show_table, write_json
from receiver.operate.erase import ErasePlan, carry_out, plan_erasure

ADVICE = (
    "what is on Kafka goes with its topic's retention (`retention.ms`); a compacted topic needs a record with the same "
    "key and no value; consumers and backups of this journal have copies of their own"
)


@click.command()
@config_option
@click.argument("operation", type=OPERATION)
@click.option("--reason", required=True, help="Kept with the record of the act; name nobody in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be destroyed.")
@json_option
def erase(  # noqa: PLR0913  click hands over each option
    config: Path | None, operation: str, *, reason: str, yes: bool, dry_run: bool, as_json: bool
) -> int:
    """Destroy all of OPERATION that could say whose it is; shows what, asks, and says what stays on Kafka."""
    context = load_context(config)
    plan = asyncio.run(plan_erasure(context, operation))
    _show(plan, as_json=as_json)
    if dry_run or not (yes or click.confirm("Destroy that? There is no way back.", err=True, abort=True)):
        return 0
    for store in carry_out(context, plan, who=_who(), reason=reason):
        say(f"{store}.db: its log was in use; the bytes in it are overwritten within a while, or by a restart")
    say("done: `receiver show` and `receiver journal check` tell of it")
    return 0


def _show(plan: ErasePlan, *, as_json: bool) -> None:
    what = {"operation": plan.erasure.operation, **plan.erasure.what()}
    if as_json:
        write_json([{**what, "on_kafka": list(plan.on_kafka), "kafka": plan.kafka}])
    else:
        rows = ((name, ", ".join(map(str, told)) if isinstance(told, list) else told) for name, told in what.items())
        show_table("", ("what", "numbers"), rows)
        for at in plan.on_kafka:
            show_line(f"stays on Kafka: {at['topic']}[{at['partition']}]@{at['offset']}")
    say(plan.kafka)
    say(ADVICE)


def _who() -> str:
    # Whoever became root for this is named too.
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user has no name
        name = f"user {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{name} (as {behind})" if behind else name
