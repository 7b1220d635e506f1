"""``tail`` and ``topics``: what came out."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from receiver.cli.choices import need_source
from receiver.cli.context import load_context, open_configured
from receiver.cli.event_line import day_of, event_line
from receiver.cli.exit_codes import INTERRUPTED
from receiver.cli.filters import event_filters
from receiver.cli.help_text import example
from receiver.cli.output import (
    config_option,
    console,
    json_option,
    say,
    show_line,
    show_table,
    write_json,
    write_line,
)
from receiver.cli.progress import patience
from receiver.journal.index import Wanted
from receiver.model.times import from_us
from receiver.operate.context import Context
from receiver.operate.newest import first_after, newest_after
from receiver.operate.selection import Filter, steps_of_events
from receiver.operate.topics import accept_partitions
from receiver.publish.ports import Kafka
from receiver.publish.routing import SIMULATED

BATCH = 500
POLL_S = 0.2
LAST_MAX = 100_000
"""Of ``tail -n``; all there are is what it shows without."""


@click.command()
@config_option
@click.option("--follow", is_flag=True, help="Go on with what comes from now on; Ctrl-C ends it.")
@click.option("-n", "last", type=click.IntRange(0, LAST_MAX), help="Begin with the newest so many.")
@event_filters
@click.option("--kafka", is_flag=True, help="Read the topics, read_committed, instead of the outbox.")
@json_option
def tail(
    config: Path | None,
    *,
    follow: bool,
    last: int | None,
    kafka: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Show the status events, oldest first."""
    wanted = Filter(**chosen)
    if kafka and (last is not None or wanted != Filter()):
        raise click.UsageError("-n and what chooses events, as --since, read the outbox, and not with --kafka")
    if follow and wanted.until_us is not None:
        raise click.UsageError("--follow goes on with what comes, and --until ends before: one of them")
    opened = open_configured(config)
    if follow:
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if kafka:
            asyncio.run(_tail_kafka(opened.context.need_kafka(), follow=follow, as_json=as_json))
        else:
            need_source(opened, wanted.source)
            _tail_outbox(opened.context, wanted.of_records, last, follow=follow, as_json=as_json)
    except KeyboardInterrupt:
        return 0 if follow else INTERRUPTED
    return 0


def _tail_outbox(context: Context, wanted: Wanted, last: int | None, *, follow: bool, as_json: bool) -> None:
    shown, day = console(), from_us(context.clock.now_us())[:10]  # a line of today needs no date
    with closing(context.journal.outbox()) as outbox, closing(context.journal.search()) as search:
        end = outbox.last_number()
        # Who follows wants what comes, and who names a number or a time so much of what was as well.
        position = end if follow and last is None and wanted.since is None else 0
        if last is not None or wanted.since is not None:
            with closing(context.journal.index()) as index:
                position = (
                    first_after(index, wanted) if last is None else newest_after(search, index, wanted, end, last)
                )
        while True:
            for reached, records in steps_of_events(search, wanted, position, BATCH):
                position = reached
                for record in records:
                    if as_json:
                        write_line(record.value)
                    else:
                        show_line(event_line(record, day), shown)
                        day = day_of(record)
            if not follow:
                return
            time.sleep(POLL_S)


async def _tail_kafka(kafka: Kafka, *, follow: bool, as_json: bool) -> None:
    shown = console()
    async for record in kafka.tail(kafka.status_topics, follow=follow):
        if as_json:
            write_line(record.value)
        else:
            mark = " simulated" if any(name == SIMULATED for name, _ in record.headers) else ""
            show_line(f"{record.topic}[{record.partition}]@{record.offset} {record.key}{mark}", shown)
            show_line(f"    {record.value.decode(errors='backslashreplace')}", shown)


@click.group()
def topics() -> None:
    """The Kafka topics."""


@topics.command(short_help="Make the topics that are missing; safe to repeat", epilog=example("receiver topics create"))
@config_option
@json_option
def create(config: Path | None, *, as_json: bool) -> None:
    """Make the topics that are missing; safe to repeat, and never changes a partition count."""
    kafka = load_context(config).need_kafka()
    with patience("Kafka"):
        made = asyncio.run(kafka.create_topics())
    if as_json:
        write_json({"topic": topic, "state": state} for topic, state in made)
    else:
        show_table("", ("topic", "state"), made)


@topics.command(
    short_help="Take a topic's changed number of partitions",
    epilog=example("receiver topics accept exchange.status.v1"),
)
@config_option
@click.argument("topic")
@json_option
def accept(config: Path | None, topic: str, *, as_json: bool) -> None:
    """Take a topic's changed number of partitions: keys go over all of them from now on.

    An operation whose key moves to another partition can then be read out of order by a consumer that has not read the
    old one to its end. Safe while the service runs.
    """
    context = load_context(config)
    with patience("Kafka"):
        before, now = asyncio.run(accept_partitions(context, topic))
    if as_json:
        write_json([{"topic": topic, "before": before, "partitions": now}])
    elif before == now:
        say(f"keys of {topic} go over {now} partitions already: nothing to do")
    else:
        say(f"keys of {topic} go over {now} partitions from now on" + ("" if before is None else f", not {before}"))
