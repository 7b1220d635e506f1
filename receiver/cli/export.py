"""``export``, ``import``: a journal's callbacks as a file, and back."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from receiver.cli.choices import need_source
from receiver.cli.context import hold_configured, open_configured
from receiver.cli.filters import filters
from receiver.cli.output import config_option, say, write_line
from receiver.cli.progress import progress
from receiver.model.errors import ReceiverError
from receiver.operate.export_callbacks import export
from receiver.operate.import_callbacks import import_callbacks, read_and_check
from receiver.operate.selection import Filter
from receiver.service import logs

STANDARD = Path("-")
"""Stdin or stdout, as everywhere on a command line."""


@click.command("export")
@config_option
@filters
@click.option("--unmasked", is_flag=True, help="With whole card numbers and secrets in headers.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="A file; stdout: - or none.",
)
def export_command(config: Path | None, *, unmasked: bool, target: Path | None, **wanted: Any) -> None:
    """Write callbacks as JSON Lines with their raw bytes in base64."""
    opened = open_configured(config)
    need_source(opened, wanted["source"])
    lines = export(opened.context, Filter(**wanted), unmasked=unmasked)
    if target is None or target == STANDARD:
        for line in lines:
            write_line(line)
        return
    if not target.name:
        raise click.UsageError("--to names no file")
    count, new = 0, target.with_name(target.name + ".part")
    with progress("exported", None) as advance, os.fdopen(_private(new), "wb") as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
            advance()
    new.replace(target)
    say(f"wrote {count} callbacks to {target}" + ("" if unmasked else ", card numbers and secrets masked"))


def _text(file: Path) -> str:
    content = sys.stdin.buffer.read() if file == STANDARD else file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReceiverError(f"{file}: it is not UTF-8, from byte {error.start} on") from None


def _private(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)


@click.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--publish", is_flag=True, help="Publish their events; else they count as published already.")
@click.option("--trust", is_flag=True, help="Take callbacks whose signature cannot be checked, masked ones too.")
@click.option("--source", help="Of callbacks in a HAR file or a curl command.")
def import_command(config: Path | None, file: Path, *, publish: bool, trust: bool, source: str | None) -> None:
    """Put exported callbacks into this journal, with their times of receipt. No service may run on it meanwhile."""
    logs.configure(people=True, level=logging.ERROR)
    opened = open_configured(config, decides=True)
    context, text = opened.context, _text(file)
    checked = read_and_check(context.sources, text, source, context.clock.now_us(), trust=trust)
    with hold_configured(opened) as held, progress("imported", len(checked.callbacks)) as advance:
        outcomes = asyncio.run(import_callbacks(held, checked, publish=publish, advance=advance))
    became = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
    say(f"imported {len(checked.callbacks)} callbacks ({checked.unverified} unverified): {became or 'nothing'}")
