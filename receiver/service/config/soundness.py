"""Whether a configuration that was read would run as it is meant: its faults, and what is sound and careless.

``receiver check`` and ``receiver doctor`` say the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from receiver.journal.engines import find_journal, folder_of_others, is_server, location, there_is_a_journal
from receiver.model.errors import ConfigurationError, JournalError, StoreFailed
from receiver.providers.registry import providers
from receiver.service.config.advice import Advice
from receiver.service.config.exporter import need_exporter
from receiver.service.config.exposure import exposures
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.placeholders import placeholders_left
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.config.weak_secrets import weak_secrets
from receiver.service.kafka import open_kafka
from receiver.service.listen import unknown_host
from receiver.service.surroundings import surroundings


def faults_of(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Everything that keeps the service from starting, or from taking genuine callbacks: a sentence each."""
    faults: list[str] = []
    for resolve in (
        lambda: resolve_sources(settings, environ),
        lambda: open_kafka(settings, environ),
        lambda: _open_journal(settings, environ),
        lambda: need_exporter(settings),
    ):
        try:
            resolve()
        except ConfigurationError as error:
            faults += error.faults
        except (JournalError, StoreFailed) as error:
            faults.append(f"journal: {error}")
    for section, host in (("server", settings.server.host), ("admin", settings.admin.host)):
        why = unknown_host(host)
        if why is not None:
            faults.append(f"{section}.host: {host}: {why}")
    return faults + odd_secrets(settings, environ) + placeholders_left(settings)


def never_told(settings: Settings) -> list[Advice]:
    """Operations that no callback tells of, of sources that are not asked for them either."""
    found = []
    for place, source in enumerate(settings.sources):
        provider = providers()[source.provider]
        if not provider.calls_back or provider.api is None or source.usual.poll is not None:
            continue
        told = {kind.name for kind in provider.kinds.values()}
        untold = sorted({kind.name for kind in provider.api.kinds.values()} - told)
        if untold:
            what = f"no webhook of {provider.title} tells of {', '.join(untold)}"
            mend = "set poll where you have any, or they stay unknown"
            found.append(Advice(f"sources.{place} ({source.name})", what, mend, note=True))
    return found


def _open_journal(settings: Settings, environ: Mapping[str, str]) -> None:
    # Where there is one: whether its keys are all there.
    keys = resolve_keys(settings, environ)
    options = engine_options(settings, environ)
    if there_is_a_journal(settings.journal.url, options):
        find_journal(settings.journal.url, keys, options)


def advice_on(settings: Settings, environ: Mapping[str, str], file: Path) -> list[Advice]:
    """What would run, and should be known or mended; ``file`` is the configuration's."""
    found = []
    links = service_links(environ)
    if links:
        what = f"ignored, since they are links to another service and no settings: {', '.join(links)}"
        found.append(Advice("environment", what, "enableServiceLinks: false ends it"))
    folder = folder_of_others(settings.journal.url)
    if folder is not None:
        found.append(Advice("journal.url", folder, "look whether others can read it"))
    folder_here = None if is_server(settings.journal.url) else Path(location(settings.journal.url))
    return [
        *found,
        *never_told(settings),
        *weak_secrets(settings, environ),
        *exposures(settings),
        *surroundings(settings, file, folder_here),
    ]
