"""What a command works with: a context, from the configuration that the person names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from receiver.cli.output import load_or_built_in
from receiver.journal.engines import hold_journal, there_is_a_journal
from receiver.operate.context import Context
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.wiring import make_context, open_context

MAKING_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The configuration, its environment, and a context on it."""

    settings: Settings
    environ: dict[str, str]
    context: Context


def open_configured(config: Path | None) -> Opened:
    """Read the configuration; raises ``ConfigurationError``."""
    settings, environ = load_or_built_in(config)
    return Opened(settings, environ, open_context(settings, environ))


def load_context(config: Path | None) -> Context:
    """Only the context."""
    return open_configured(config).context


def make_journal(opened: Opened) -> None:
    """Make the journal where there is none; raises ``JournalBusy``, ``JournalError``."""
    url = opened.settings.journal.url
    if not there_is_a_journal(url):
        with hold_journal(url, MAKING_WAIT_S):
            pass


@contextmanager
def hold_configured(opened: Opened) -> Iterator[Context]:
    """Hold the journal, made where there is none, for the body; raises ``JournalBusy`` where a service runs on it."""
    with hold_journal(opened.settings.journal.url, wait_s=0) as (journal, _):
        yield make_context(opened.settings, opened.environ, lambda: journal, logs.get())
