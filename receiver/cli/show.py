"""``show``, ``rejects``, ``drift``: what happened to an operation, why a call failed, what a provider changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from receiver.cli.choices import OPERATION
from receiver.cli.context import load_context, open_configured
from receiver.cli.help_text import example
from receiver.cli.output import config_option, json_option, show_line, show_table, write_json
from receiver.cli.progress import patience
from receiver.model.records import Reject
from receiver.model.times import from_us
from receiver.operate.drift import silent_sources, unknown_fields
from receiver.operate.rejects import explain_reject, find_reject
from receiver.operate.rejects import rejects as newest_rejects
from receiver.operate.timeline import timeline
from receiver.service.config.sources import resolve_retired

TIMELINE = ("callback", "received_at", "source", "outcome", "provider_status", "status", "sequence", "effective", "key")


@click.command()
@config_option
@click.argument("operation", type=OPERATION)
@json_option
def show(config: Path | None, operation: str, *, as_json: bool) -> None:
    """The timeline of one OPERATION, by the provider's id or the whole key."""
    opened = open_configured(config)
    names = [source.name for source in opened.settings.sources]
    retired = {name: resolve_retired(opened.settings, opened.environ, name) for name in names}
    with patience("the journal, and Kafka where there is one"):
        rows = asyncio.run(timeline(opened.context, operation, retired))
    if as_json:
        write_json(rows)
        return
    columns = (*TIMELINE, "remarks", "kafka")
    show_table(
        "", columns, ([*(_cell(row.get(name)) for name in TIMELINE), _remarks(row), _places(row)] for row in rows)
    )


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _remarks(row: dict[str, Any]) -> str:
    simulated = ["simulated"] if row.get("simulated") else []
    if row["outcome"] == "duplicate":
        what = f"sequence {row['sequence']}" if "sequence" in row else "an event that was purged"
        return ", ".join([*simulated, f"repeats {what}"])
    if row["outcome"] == "erased":
        return f"by {row['who']}: {row['reason']}"
    if row["outcome"] == "quarantine":
        return ", ".join([*simulated, f"{row.get('reason', '')} {row.get('detail', '')} ({row.get('state', '')})"])
    changed = [f"{name}: {_cell(at['was'])} → {_cell(at['now'])}" for name, at in row.get("changed", {}).items()]
    return ", ".join([*simulated, *row.get("anomalies", ()), *changed])


def _places(row: dict[str, Any]) -> str:
    return ", ".join(f"{at['topic']}[{at['partition']}]@{at['offset']}" for at in row.get("kafka", ()))


@click.group()
def rejects() -> None:
    """A sample of the callbacks that failed verification, and why they did."""


@rejects.command("list", short_help="The newest first", epilog=example("receiver rejects list --limit 5"))
@config_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_command(config: Path | None, limit: int, *, as_json: bool) -> None:
    """The newest first."""
    rows = [_reject(reject) for reject in newest_rejects(load_context(config), limit)]
    if as_json:
        write_json(rows)
    else:
        columns = ("id", "received_at", "source", "why", "body_bytes")
        cells = ([row[column] for column in columns] for row in rows)
        show_table("", columns, cells, empty="no refused callback is in the sample")


def _reject(reject: Reject) -> dict[str, Any]:
    raw = reject.raw
    row: dict[str, Any] = {"id": reject.number, "received_at": from_us(raw.received_at_us), "source": raw.source}
    return row | {"why": reject.why, "body_bytes": len(raw.body)}


@rejects.command(
    short_help="Why it was refused, and which reading would have matched", epilog=example("receiver rejects explain 12")
)
@config_option
@click.argument("number", metavar="ID", type=int)
@json_option
def explain(config: Path | None, number: int, *, as_json: bool) -> None:
    """Why it was refused, and which reading would have matched; it is never accepted."""
    opened = open_configured(config)
    reject = find_reject(opened.context, number)
    configured = next(source for source in opened.settings.sources if source.name == reject.raw.source)
    retired = resolve_retired(opened.settings, opened.environ, reject.raw.source)
    lines = explain_reject(opened.context, reject, public_url=configured.usual.public_url, retired=retired)
    if as_json:
        write_json([_reject(reject) | {"explanation": lines}])
    else:
        for line in lines:
            show_line(line)


@click.command()
@config_option
@json_option
def drift(config: Path | None, *, as_json: bool) -> None:
    """Body fields that mean nothing to us, by name; and when each source was last heard of."""
    opened = open_configured(config)
    fields = unknown_fields(opened.context)
    sources = silent_sources(opened.context, [source.name for source in opened.settings.sources])
    if as_json:
        write_json([*fields, *sources])
        return
    show_table(
        "unknown fields",
        ("source", "field", "callbacks", "first_seen"),
        (list(row.values()) for row in fields),
        empty="no body had a field that means nothing to us",
    )
    show_table(
        "sources",
        ("source", "last_callback", "silent_s"),
        ([_cell(value) for value in row.values()] for row in sources),
    )
