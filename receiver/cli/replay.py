"""``replay``: stored callbacks or events again, on this machine or another."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click

from receiver.cli.choices import Finite, need_source
from receiver.cli.context import open_configured
from receiver.cli.exit_codes import DONE
from receiver.cli.filters import NAMES, filters
from receiver.cli.output import config_option, say, show_table, write_json
from receiver.cli.replay_targets import Options, ToHttp, ToKafka, ToStdout
from receiver.model.callback import EntryId
from receiver.operate.context import Context
from receiver.operate.reprocess import reprocess_preview
from receiver.operate.requests import request
from receiver.operate.selection import Filter
from receiver.service import logs


@click.command()
@config_option
@filters
@click.option("--from", "origin", default="journal", show_default=True, help="journal, kafka, or a file.")
@click.option("--to", "target", nargs=1, type=click.Choice(["http", "kafka", "stdout"]), help="Where to.")
@click.argument("url", required=False)
@click.option("--topic", help="With --to kafka: the topic.")
@click.option("--raw", is_flag=True, help="With --to stdout: the callbacks instead of the events; masked.")
@click.option("--reprocess", is_flag=True, help="What today's code would say otherwise, as new revisions.")
@click.option("--speed", default="max", show_default=True, type=click.Choice(["1x", "10x", "100x", "max"]))
@click.option("--rate", type=Finite(0.01), help="At most so many callbacks a second.")
@click.option("--failures-max", default=20, show_default=True, help="Failures in a row after which it stops.")
@click.option("--as-received", is_flag=True, help="With the stored headers; else signed anew, as of now.")
@click.option(
    "--target-config", type=click.Path(path_type=Path, exists=True), help="The target's configuration, to sign."
)
@click.option("--i-own-this-host", is_flag=True, help="Allow a host that is not loopback.")
@click.option("--dry-run", is_flag=True, help="Only count and show.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", "run_id", help="Go on with an interrupted run; give the same other options.")
def replay(config: Path | None, *, reprocess: bool, target: str | None, run_id: str | None, **rest: Any) -> int:
    """Send stored callbacks or events again. Every run begins with a count and a preview."""
    logs.configure(people=True)
    opened = open_configured(config)
    wanted = Filter(**{name: rest.pop(name) for name in NAMES})
    options = Options(run_id=run_id or secrets.token_hex(4), resumed=run_id is not None, **rest)
    if options.origin == "journal":  # a file's and a topic's sources need not be ours
        need_source(opened, wanted.source)
    if reprocess:
        if options.origin != "journal":
            raise click.UsageError("--reprocess reads the callbacks of this journal: without --from")
        return _reprocess(opened.context, wanted, options)
    if target == "stdout":
        return ToStdout(opened.context, wanted, options).run()
    if target == "kafka":
        return _run(ToKafka(opened.context, wanted, options), options)
    if target == "http":
        return _run(ToHttp(opened, wanted, options), options)
    raise click.UsageError("--to http URL, --to kafka --topic TOPIC, or --to stdout; or --reprocess")


def _run(target: ToHttp | ToKafka, options: Options) -> int:
    total, rows = target.preview()
    say(f"{total} chosen" + ("" if total else ": nothing to do"))
    if rows:
        show_table("", ("what", "", "count"), rows)
    if options.dry_run or total == 0:
        return DONE
    if not options.yes:
        click.confirm(f"Replay {total} to {options.url or options.topic}?", err=True, abort=True)
    say(f"run {options.run_id}")
    return target.run(total)


def _reprocess(context: Context, wanted: Filter, options: Options) -> int:
    found = list(reprocess_preview(context, wanted))
    for number, event, changed in found:
        differ = {name: {"published": was, "now": now} for name, (was, now) in changed.items()}
        about = {"callback": number, "operation": event["operation_id"], "status": event["status"]}
        write_json([about | {"differences": differ}])
    say(f"{len(found)} events would differ")
    if options.dry_run or not found:
        return DONE
    if not options.yes:
        click.confirm("Publish them as new revisions?", err=True, abort=True)
    number, done = request(context, "reprocess", [EntryId("inbox", number) for number, _, _ in found])
    say(f"request {number}: " + ("done" if done else "it will be carried out once `receiver serve` runs"))
    return DONE
