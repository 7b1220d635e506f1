"""What a command works with: a context, from the configuration that the person names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from receiver.cli.output import has_configuration, load_or_built_in
from receiver.journal.engines import hold_journal, init_journal, there_is_a_journal
from receiver.model.errors import ConfigurationError
from receiver.operate.context import Context
from receiver.service import logs
from receiver.service.config.file import DEFAULT_FILE
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.settings import Settings
from receiver.service.wiring import make_context, open_context

MAKING_WAIT_S = 1.0
NO_CONFIGURATION = (
    f"no {DEFAULT_FILE} here and none named: this command changes a journal by what the configuration says of its "
    "sources; name the service's own with --config or RECEIVER_CONFIG"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The configuration, its environment, and a context on it."""

    settings: Settings
    environ: dict[str, str]
    context: Context


def open_configured(config: Path | None, *, decides: bool = False) -> Opened:
    """Read the configuration; raises ``ConfigurationError``.

    ``decides``: for a command that itself decides what becomes of callbacks or events, where others leave a request to
    the service. It needs a configuration of its own: what a journal holds means nothing to the built-in sources.
    """
    if decides and not has_configuration(config):
        raise ConfigurationError([NO_CONFIGURATION])
    settings, environ = load_or_built_in(config)
    return Opened(settings, environ, open_context(settings, environ))


def load_context(config: Path | None, *, decides: bool = False) -> Context:
    """Only the context; as above."""
    return open_configured(config, decides=decides).context


def make_journal(opened: Opened) -> None:
    """Make the journal where there is none; raises ``JournalBusy``, ``JournalError``."""
    url, options = opened.settings.journal.url, engine_options(opened.settings, opened.environ)
    if not there_is_a_journal(url, options):
        keys = resolve_keys(opened.settings, opened.environ)
        with hold_journal(url, MAKING_WAIT_S, keys, options=options):
            pass


def init_configured(opened: Opened, slots: int, allow: str | None) -> list[str]:
    """Make the journal, or bring it to today's format; what became of it. Raises ``JournalError``, ``StoreFailed``."""
    keys, options = resolve_keys(opened.settings, opened.environ), engine_options(opened.settings, opened.environ)
    return init_journal(opened.settings.journal.url, keys, options, slots, allow)


@contextmanager
def hold_configured(opened: Opened) -> Iterator[Context]:
    """Hold the journal, made where there is none, for the body; raises ``JournalBusy`` where a service runs on it."""
    keys = resolve_keys(opened.settings, opened.environ)
    options = engine_options(opened.settings, opened.environ)
    with hold_journal(opened.settings.journal.url, wait_s=0, keys=keys, options=options) as (journal, _):
        yield make_context(opened.settings, opened.environ, lambda: journal, logs.get())
