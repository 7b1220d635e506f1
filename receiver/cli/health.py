"""``health``: is the service alive, is it ready; for probes, so it imports as little as it can."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from receiver.cli.choices import Finite
from receiver.cli.exit_codes import DONE, FAILED
from receiver.model.printable import printable
from receiver.service.config.file import CONFIG_VARIABLE, find, read
from receiver.service.health import admin_address, ask, why_not_ready


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file; else $RECEIVER_CONFIG, else receiver.toml.",
)
@click.option("--live", "path", flag_value="/livez", help="Whether the service runs at all: restart it where not.")
@click.option(
    "--ready",
    "path",
    flag_value="/readyz",
    default="/readyz",
    help="Whether callbacks are taken (default). Kafka may be away all the while.",
)
@click.option("--timeout-s", type=Finite(0.1, 60), default=2.0, show_default=True, help="For the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print what /readyz says.")
def health(config: Path | None, path: str, timeout_s: float, *, as_json: bool) -> int:
    """Ask the running service whether it is alive, or ready; exit 0 where it is, 1 where it is not."""
    file = find(config, os.environ)
    named = config is not None or CONFIG_VARIABLE in os.environ
    document = read(file) if named or file.exists() else {}
    status, body = ask(*admin_address(document, os.environ), path, timeout_s)
    said = "ready" if path == "/readyz" else "alive"
    if as_json and path == "/readyz":
        sys.stdout.buffer.write(body.strip() + b"\n")
    elif status == 200:
        click.echo(printable(said))
    else:
        click.echo(printable(f"receiver: not {said}: {why_not_ready(body) or f'HTTP {status}'}"), err=True)
    return DONE if status == 200 else FAILED
