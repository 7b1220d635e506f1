"""``serve``: the service."""

from __future__ import annotations

import os
from pathlib import Path

import click

from receiver.cli.output import config_option
from receiver.service import supervisor
from receiver.service.config.placeholders import refuse_placeholders
from receiver.service.config.settings import load
from receiver.service.process import ServeRole


def _name_the_setting(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        key = str(parameter.name)
        raise click.UsageError(
            f"--{key} is a setting here: set server.{key} in the configuration, or RECEIVER_SERVER__{key.upper()}", ctx
        )


@click.command()
@config_option
@click.option(
    "--role",
    type=click.Choice(["all", "intake", "worker"]),
    default="all",
    show_default=True,
    help="What this service does: take callbacks, interpret and publish them, or both. A part alone needs a journal on"
    " PostgreSQL, where other services do the rest.",
)
@click.option("--port", hidden=True, expose_value=False, callback=_name_the_setting)
@click.option("--host", hidden=True, expose_value=False, callback=_name_the_setting)
def serve(config: Path | None, role: ServeRole) -> int:
    """Run the service until SIGTERM: a process each to take, interpret, publish and ask, and their supervisor."""
    settings = load(config)
    supervisor.need_role(settings, role)
    refuse_placeholders(settings)
    return supervisor.serve(settings, os.environ, role)
