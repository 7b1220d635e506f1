"""The configured journal: locked, made or checked, and opened."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from receiver.journal.sqlite import journal as sqlite_journal
from receiver.journal.sqlite.journal import Journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.store import make_folder
from receiver.model.errors import JournalBusy, JournalError
from receiver.service.config.settings import Settings

LOCK_WAIT_S = 10.0
"""The children of a service that was just killed need a moment to end."""


@contextmanager
def hold_journal(settings: Settings, wait_s: float = LOCK_WAIT_S) -> Iterator[tuple[Journal, int]]:
    """Lock, make or check the journal; gives it and the lock's descriptor for children to inherit.

    Raises ``JournalBusy`` when another service holds it for longer than ``wait_s``, ``JournalError``.
    """
    folder = settings.journal.folder
    make_folder(folder)
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            descriptor = sqlite_journal.acquire(folder, "journal")
        except JournalBusy:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
            continue
        try:
            yield sqlite_journal.open_journal(folder), descriptor
        finally:
            os.close(descriptor)
        return


def open_outbox(settings: Settings) -> SqliteOutbox:
    """The outbox, to read; raises ``JournalError`` where there is no journal yet."""
    folder = settings.journal.folder
    if not (folder / "outbox.db").exists():
        raise JournalError(f"there is no journal in {folder} yet; `receiver serve` or `receiver dev` makes it")
    return SqliteOutbox.open(folder, read_only=True)
