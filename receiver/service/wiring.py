"""What operating on a journal takes, put together from the configuration: where ``operate`` meets the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from receiver.journal.engines import find_journal, open_runs
from receiver.journal.handle import Journal
from receiver.model.log import Log
from receiver.operate.context import Context
from receiver.publish.ports import Kafka
from receiver.service import logs
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.system_clock import SystemClock


def open_context(settings: Settings, environ: Mapping[str, str]) -> Context:
    """Operate on the journal that is there."""

    def find() -> Journal:
        return find_journal(settings.journal.url, resolve_keys(settings, environ), engine_options(settings, environ))

    return make_context(settings, environ, find, logs.get())


def make_context(
    settings: Settings, environ: Mapping[str, str], open_journal: Callable[[], Journal], log: Log
) -> Context:
    """Operate on a journal; it is opened, and secrets are resolved, where that is needed, and not before."""
    return Context(
        clock=SystemClock(),
        log=log,
        record_bytes_max=settings.record_bytes_max,
        publish_body=settings.quarantine.publish_body,
        runs=open_runs(settings.journal.url, engine_options(settings, environ)),
        open_journal=open_journal,
        open_sources=partial(resolve_sources, settings, environ),
        open_kafka=partial(_open_kafka, settings, environ),
    )


def _open_kafka(settings: Settings, environ: Mapping[str, str]) -> Kafka | None:
    from receiver.service.kafka import open_kafka  # noqa: PLC0415  its client is for those who ask for it: 8 MB

    return open_kafka(settings, environ)
