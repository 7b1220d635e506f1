"""The journal that is configured: opened here for the service, whole or one slot of it."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.journal.engines import held_journal, share_journal
from receiver.journal.handle import Journal
from receiver.journal.slots import HeldSlot
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.settings import Settings


def open_journal(settings: Settings, environ: Mapping[str, str]) -> Journal:
    """The journal that several share, fit for a service to start on.

    Raises ``JournalError`` where there is none yet or its server forgets what it was given, ``StoreFailed``,
    ``ConfigurationError``.
    """
    return share_journal(settings.journal.url, resolve_keys(settings, environ), engine_options(settings, environ))


def open_held(settings: Settings, environ: Mapping[str, str], journal_id: str, slot: HeldSlot | None = None) -> Journal:
    """The same, once it was checked; with ``slot`` only what is in that. Raises ``ConfigurationError``."""
    keys, options = resolve_keys(settings, environ), engine_options(settings, environ)
    return held_journal(settings.journal.url, journal_id, keys, options, slot)
