"""What a person asks of a journal, wired: quarantine, the timeline of an operation, rejects, drift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.service.config.settings import Settings
from receiver.service.journal import open_outbox


@contextmanager
def stores(settings: Settings) -> Iterator[tuple[SqliteInboxReader, SqliteOutbox]]:
    """Inbox and outbox, to read; raises ``JournalError`` where there is no journal."""
    outbox = open_outbox(settings)
    inbox = SqliteInboxReader(settings.journal.folder)
    try:
        yield inbox, outbox
    finally:
        inbox.close()
        outbox.close()


@contextmanager
def requests_of(settings: Settings) -> Iterator[SqliteRequests]:
    """The requests, to read; raises ``JournalError`` where there is no journal."""
    store = SqliteRequests.open(settings.journal.folder, read_only=True)
    try:
        yield store
    finally:
        store.close()
