"""``init``, ``check``: a configuration, written and proven."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import click

from receiver.cli.exit_codes import DONE, FAILED
from receiver.cli.output import config_option, json_option, say, show_line, write_json
from receiver.cli.progress import patience
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.operate.topics import look
from receiver.providers.registry import providers as installed
from receiver.providers.settings import SourceSettings
from receiver.publish.ports import Finding
from receiver.service.config.file import DEFAULT_FILE, find
from receiver.service.config.settings import Settings, load
from receiver.service.config.soundness import advice_on, faults_of
from receiver.service.config.template import configuration
from receiver.service.kafka import kafka_notes
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
@click.option("--strict", is_flag=True, help="Fail on a warning too: exit 1. A note is none.")
@json_option
def check(config: Path | None, *, kafka: bool, strict: bool, as_json: bool) -> int:
    """Read the configuration, resolve every secret, print the URL to give to each provider."""
    settings = load(config)
    warnings = _advise(settings, find(config, os.environ))
    faults = faults_of(settings, os.environ)
    if faults:
        raise ConfigurationError(faults)
    if as_json:
        write_json(map(_described, settings.sources))
    for source in () if as_json else settings.sources:
        _show_source(source)
    faulty = kafka and _kafka_faulty(settings, as_json=as_json)
    said = [", and Kafka is not ready for it"] if faulty else []
    if warnings:
        said.append(f"; {warnings} {'warning' if warnings == 1 else 'warnings'} above")
        said += [", which --strict does not let pass"] if strict else []
    say("the configuration is sound" + "".join(said))
    return FAILED if faulty or (strict and warnings) else DONE


def _described(source: SourceSettings) -> dict[str, Any]:
    """A source as a row: its URL and path, null where its provider sends nothing."""
    provider = installed()[source.provider]
    path = f"/webhooks/{source.name}" if provider.calls_back else None
    poll = source.usual.poll
    asks = None if poll is None or provider.api is None else poll.base_url or provider.api.base_url
    about = {"source": source.name, "provider": source.provider, "public_url": source.usual.public_url}
    return about | {"path": path, "registration": provider.registration, "asks": asks}


def _show_source(source: SourceSettings) -> None:
    provider = installed()[source.provider]
    url = public_url(source) if provider.calls_back else "(no URL)"
    show_line(f"{source.name}  {url}")
    show_line(f"    {provider.registration}")
    poll = source.usual.poll
    if poll is not None and provider.api is not None:
        show_line(f"    asks {poll.base_url or provider.api.base_url}: {provider.api.asks}")


def _kafka_faulty(settings: Settings, *, as_json: bool) -> bool:
    """Show what a look at the cluster found; whether a fault is among it."""
    context = open_context(settings, os.environ)
    notes = [Finding(fault=False, text=note) for note in kafka_notes(settings)]
    with patience("Kafka"):
        findings = [*asyncio.run(look(context)), *notes]
    if as_json:
        write_json({"fault": one.fault, "text": one.text, "mend": one.mend} for one in findings)
    for finding in () if as_json else findings:
        show_line(f"{'fault' if finding.fault else 'note'}: {finding.text}")
        if finding.mend:
            show_line(f"    {finding.mend}")
    faults = sum(finding.fault for finding in findings)
    say(f"Kafka: {faults} faults, {len(findings) - faults} notes" if findings else "Kafka is as it should be")
    return faults > 0


def _advise(settings: Settings, file: Path) -> int:
    """Say what is sound and careless; how many warnings there were."""
    found = advice_on(settings, os.environ, file)
    for advice in found:
        say(str(advice))
    return sum(not advice.note for advice in found)


def public_url(source: SourceSettings) -> str:
    """What to register at the provider: ``public_url``, or what is known of it."""
    return source.usual.public_url or f"public_url is not set: the path is /webhooks/{source.name}"
