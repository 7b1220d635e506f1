"""``dev``: the whole service at a desk."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from receiver.cli.event_line import event_line
from receiver.cli.output import config_option, console, json_option, load_or_built_in, say, show_line, write_line
from receiver.journal.engines import location
from receiver.model.records import OutboxRecord
from receiver.providers.registry import providers
from receiver.sandbox.built_in import keep_made_up_at_home, made_up
from receiver.sandbox.dev import run
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.listen import address


@click.command("dev")
@config_option
@click.option("--simulate", is_flag=True, help="A simulated provider sends signed callbacks through real HTTP.")
@click.option("--port", default=8080, show_default=True, help="Without a configuration file: where to listen.")
@click.option("--admin-port", default=8081, show_default=True, help="The same for /readyz and /metrics.")
@click.option("--verbose", is_flag=True, help="Log each step to stderr.")
@json_option
def dev_command(  # noqa: PLR0913  its options
    config: Path | None, *, simulate: bool, port: int, admin_port: int, verbose: bool, as_json: bool
) -> None:
    """Run everything in one process, without Kafka or an account, and show the events as they come."""
    logs.configure(people=True, level=logging.INFO if verbose else logging.WARNING)
    settings, environ = load_or_built_in(config, port, admin_port)
    keep_made_up_at_home(settings, environ)
    shown = console()

    def show(record: OutboxRecord) -> None:
        if as_json:
            if record.record_type == "event":
                write_line(record.value)
        else:
            show_line(event_line(record), shown)

    def announce(console_line: str) -> None:
        say(console_line)
        _announce(settings, built_in=any(name not in os.environ and name in environ for name in made_up()))

    run(settings, environ, show, announce, simulate=simulate)
    say("stopped: everything that was answered 200 is in the journal")


def _announce(settings: Settings, *, built_in: bool) -> None:
    server, admin = settings.server, settings.admin
    for source in settings.sources:
        provider = providers()[source.provider]
        if provider.calls_back:
            say(f"POST http://{address(server.host, server.port)}/webhooks/{source.name}   ({provider.title})")
    say(f"GET  http://{address(admin.host, admin.port)}/readyz   also /livez, /metrics")
    say(f"journal in {location(settings.journal.url)}; Kafka: {'on' if settings.kafka else 'off, see `make kafka`'}")
    if built_in:
        say("made-up secrets, worth nothing: " + ", ".join(f"{name}={value}" for name, value in made_up().items()))
    say("Ctrl-C stops it")
