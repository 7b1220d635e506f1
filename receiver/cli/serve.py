"""``serve``: the service."""

from __future__ import annotations

import os
from pathlib import Path

import click

from receiver.cli.output import config_option
from receiver.service import supervisor
from receiver.service.config.placeholders import refuse_placeholders
from receiver.service.config.settings import load


@click.command()
@config_option
def serve(config: Path | None) -> int:
    """Run the service until SIGTERM: a process each to take, interpret, publish and ask, and their supervisor."""
    settings = load(config)
    refuse_placeholders(settings)
    return supervisor.serve(settings, os.environ)
