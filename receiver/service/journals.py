"""The journal that is configured: opened here for the service, whole or one slot of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from receiver.journal.engines import held_journal, share_journal
from receiver.journal.handle import Journal
from receiver.journal.slots import HeldSlot
from receiver.model.errors import StoreAway
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.settings import Settings

DATABASE_WAIT_S = 60.0
"""For a database that starts beside the service, or again; whoever runs the service starts it anew after that."""
RETRY_S = 0.5


def open_journal(
    settings: Settings, environ: Mapping[str, str], waiting: Callable[[str], None], wait_s: float = DATABASE_WAIT_S
) -> Journal:
    """The journal that several share, fit for a service to start on.

    A database that is away is waited for, and ``waiting`` is told so, once. Raises ``StoreAway`` where it still is
    after ``wait_s``, ``JournalError`` where there is no journal yet or its server forgets what it was given,
    ``StoreFailed``, ``ConfigurationError``.
    """
    keys, options = resolve_keys(settings, environ), engine_options(settings, environ)
    began_s = time.monotonic()
    said = False
    while True:
        try:
            return share_journal(settings.journal.url, keys, options)
        except StoreAway as away:
            if time.monotonic() - began_s > wait_s:
                raise
            if not said:
                said = True
                waiting(f"{away}; waiting up to {wait_s:.0f} s for it")
            time.sleep(RETRY_S)


def open_held(settings: Settings, environ: Mapping[str, str], journal_id: str, slot: HeldSlot | None = None) -> Journal:
    """The same, once it was checked; with ``slot`` only what is in that. Raises ``ConfigurationError``."""
    keys, options = resolve_keys(settings, environ), engine_options(settings, environ)
    return held_journal(settings.journal.url, journal_id, keys, options, slot)
