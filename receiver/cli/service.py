"""``init``, ``check``, ``serve``, ``dev``: from nothing to a running service."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import click

from receiver.cli.event_line import event_line
from receiver.cli.output import config_option, console, json_option, load_or_built_in, say, write_line
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.model.records import OutboxRecord
from receiver.providers.registry import PROVIDERS
from receiver.sandbox import dev
from receiver.service import supervisor
from receiver.service import wiring as bootstrap
from receiver.service.config.settings import DEFAULT_FILE, Settings, load
from receiver.service.config.source_settings import SourceSettings
from receiver.service.config.template import configuration
from receiver.service.kafka import need_kafka, open_kafka


@click.command()
@config_option
@click.option("--provider", "providers", multiple=True, type=click.Choice(sorted(PROVIDERS)), help="May be repeated.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(config: Path | None, providers: tuple[str, ...], *, force: bool) -> None:
    """Write a commented receiver.toml for the chosen providers (default: all that send callbacks)."""
    path = config or Path(DEFAULT_FILE)
    if path.exists() and not force:
        raise ReceiverError(f"{path} is there already; --force writes over it")
    path.write_text(
        configuration(providers or tuple(slug for slug, one in PROVIDERS.items() if one.calls_back)), "utf-8"
    )
    say(f"wrote {path}: fill in accounts and URLs, provide the secrets it refers to, then run `receiver check`")


@click.command()
@config_option
@click.option("--kafka", is_flag=True, help="Also look for every topic that a route can reach.")
def check(config: Path | None, *, kafka: bool) -> int:
    """Read the configuration, resolve every secret, print the URL to give to each provider."""
    settings = load(config)
    faults = _collect(settings)
    if faults:
        raise ConfigurationError(faults)
    for source in settings.sources:
        provider = PROVIDERS[source.provider]
        url = public_url(settings, source) if provider.calls_back else "(no URL)"
        console().print(f"{source.name}  {url}\n    {provider.registration}", soft_wrap=True)
        if source.poll is not None and provider.api is not None:
            console().print(f"    asks {source.poll.base_url or provider.api.base_url}: {provider.api.asks}")
    if kafka:
        missing = asyncio.run(need_kafka(settings, os.environ).missing_topics())
        if missing:
            raise ReceiverError(f"missing topics: {', '.join(missing)}; `receiver topics create` makes them")
        say("every topic is there")
    say("the configuration is sound")
    return 0


def _collect(settings: Settings) -> list[str]:
    faults: list[str] = []
    for resolve in (
        lambda: bootstrap.resolve_sources(settings, os.environ),
        lambda: open_kafka(settings, os.environ),
    ):
        try:
            resolve()
        except ConfigurationError as error:
            faults += error.faults
    return faults


def public_url(settings: Settings, source: SourceSettings) -> str:
    """What to register at the provider: ``public_url``, or this host's own address."""
    return source.public_url or f"http://{settings.server.host}:{settings.server.port}/webhooks/{source.name}"


@click.command()
@config_option
def serve(config: Path | None) -> int:
    """Run the service until SIGTERM: a intake process and a interpret process under a supervisor."""
    return supervisor.serve(load(config), os.environ)


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
    bootstrap.service_log(people=True, level=logging.INFO if verbose else logging.WARNING)
    settings, environ = load_or_built_in(config, port, admin_port)
    _announce(settings, built_in=any(name not in os.environ and name in environ for name in dev.MADE_UP))
    shown = console()

    def show(record: OutboxRecord) -> None:
        if as_json:
            if record.record_type == "event":
                write_line(record.value)
        else:
            shown.print(event_line(record))

    dev.run(settings, environ, show, simulate=simulate)
    say("stopped: everything that was answered 200 is in the journal")


def _announce(settings: Settings, *, built_in: bool) -> None:
    server, admin = settings.server, settings.admin
    for source in settings.sources:
        provider = PROVIDERS[source.provider]
        if provider.calls_back:
            say(f"POST http://{server.host}:{server.port}/webhooks/{source.name}   ({provider.title})")
    say(f"GET  http://{admin.host}:{admin.port}/readyz   also /livez, /metrics")
    say(f"journal in {settings.journal.folder}; Kafka: {'on' if settings.kafka else 'off, see `make kafka`'}")
    if built_in:
        say("made-up secrets, worth nothing: " + ", ".join(f"{name}={value}" for name, value in dev.MADE_UP.items()))
    say("Ctrl-C stops it")


COMMANDS = (init, check, dev_command, serve)
