"""``init``, ``check``: a configuration, written and proven."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from receiver.cli.exit_codes import DONE, FAILED
from receiver.cli.output import config_option, say, show_line
from receiver.journal.engines import folder_of_others
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.operate.topics import look
from receiver.providers.registry import providers as installed
from receiver.providers.settings import SourceSettings
from receiver.publish.ports import Finding
from receiver.service.config.file import DEFAULT_FILE
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import Settings, load
from receiver.service.config.sources import resolve_sources
from receiver.service.config.template import configuration
from receiver.service.kafka import kafka_notes, open_kafka
from receiver.service.listen import address, unknown_host
from receiver.service.wiring import open_context


@click.command()
@config_option
@click.option("--provider", "providers", multiple=True, help="One that `receiver providers` lists; may be repeated.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(config: Path | None, providers: tuple[str, ...], *, force: bool) -> None:
    """Write a commented receiver.toml for the chosen providers (default: all that send callbacks)."""
    path = config or Path(DEFAULT_FILE)
    if path.exists() and not force:
        raise ReceiverError(f"{path} is there already; --force writes over it")
    there = installed()
    unknown = ", ".join(slug for slug in providers if slug not in there)
    if unknown:
        raise click.UsageError(f"--provider is one of {', '.join(there)}, not {unknown}")
    chosen = [there[slug] for slug in providers] or [one for one in there.values() if one.calls_back]
    path.write_text(configuration(chosen), "utf-8")
    say(f"wrote {path}: fill in accounts and URLs, provide the secrets it refers to, then run `receiver check`")


@click.command()
@config_option
@click.option("--kafka", is_flag=True, help="Also look at all that publishing needs of Kafka; changes nothing.")
def check(config: Path | None, *, kafka: bool) -> int:
    """Read the configuration, resolve every secret, print the URL to give to each provider."""
    settings = load(config)
    _warn(settings)
    faults = _collect(settings)
    if faults:
        raise ConfigurationError(faults)
    for source in settings.sources:
        provider = installed()[source.provider]
        url = public_url(settings, source) if provider.calls_back else "(no URL)"
        show_line(f"{source.name}  {url}")
        show_line(f"    {provider.registration}")
        poll = source.usual.poll
        if poll is not None and provider.api is not None:
            show_line(f"    asks {poll.base_url or provider.api.base_url}: {provider.api.asks}")
    faulty = kafka and _kafka_faulty(settings)
    say("the configuration is sound" + (", and Kafka is not ready for it" if faulty else ""))
    return FAILED if faulty else DONE


def _kafka_faulty(settings: Settings) -> bool:
    """Show what a look at the cluster found; whether a fault is among it."""
    context = open_context(settings, os.environ)
    notes = [Finding(fault=False, text=note) for note in kafka_notes(settings)]
    findings = [*asyncio.run(look(context)), *notes]
    for finding in findings:
        show_line(f"{'fault' if finding.fault else 'note'}: {finding.text}")
        if finding.mend:
            show_line(f"    {finding.mend}")
    faults = sum(finding.fault for finding in findings)
    say(f"Kafka: {faults} faults, {len(findings) - faults} notes" if findings else "Kafka is as it should be")
    return faults > 0


def _collect(settings: Settings) -> list[str]:
    faults: list[str] = []
    for resolve in (
        lambda: resolve_sources(settings, os.environ),
        lambda: open_kafka(settings, os.environ),
    ):
        try:
            resolve()
        except ConfigurationError as error:
            faults += error.faults
    for section, host in (("server", settings.server.host), ("admin", settings.admin.host)):
        why = unknown_host(host)
        if why is not None:
            faults.append(f"{section}.host: {host}: {why}")
    return faults + odd_secrets(settings, os.environ)


def _warn(settings: Settings) -> None:
    links = service_links(os.environ)
    if links:
        say(f"warning: ignored, since they are links to another service and no settings: {', '.join(links)}")
    folder = folder_of_others(settings.journal.url)
    if folder is not None:
        say(f"warning: {folder}")


def public_url(settings: Settings, source: SourceSettings) -> str:
    """What to register at the provider: ``public_url``, or this host's own address."""
    return (
        source.usual.public_url
        or f"http://{address(settings.server.host, settings.server.port)}/webhooks/{source.name}"
    )
