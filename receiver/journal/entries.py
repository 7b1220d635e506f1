"""The three stores of a journal, opened together: what interpreting needs, and whoever looks at an entry again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from receiver.journal.handle import Journal
from receiver.journal.ports import InboxReader, Outbox, Requests
from receiver.model.callback import EntryId, JournalEntry


@dataclass(frozen=True, slots=True)
class Stores:
    """Inbox and requests to read, and the outbox."""

    inbox: InboxReader
    requests: Requests
    outbox: Outbox

    def close(self) -> None:
        """Give all three back."""
        for store in (self.outbox, self.requests, self.inbox):
            store.close()

    def entry(self, entry_id: EntryId) -> JournalEntry | None:
        """One entry, None where it has been purged or never was."""
        return find_entry(self.inbox, self.requests, entry_id)


def find_entry(inbox: InboxReader, requests: Requests, entry_id: EntryId) -> JournalEntry | None:
    """One entry, whichever store holds it; None where it has been purged or never was."""
    if entry_id.store == "inbox":
        return inbox.entry(entry_id.number)
    found = requests.read(entry_id.number - 1, 1)
    is_it = bool(found) and (found[0].number, found[0].request_type) == (entry_id.number, "poll")
    return found[0].polled if is_it else None


@contextmanager
def open_stores(journal: Journal, *, write: bool = False) -> Iterator[Stores]:
    """Open them for the body; with ``write`` the outbox may be written. Raises ``JournalError``, ``StoreFailed``."""
    with (
        closing(journal.outbox(write=write)) as outbox,
        closing(journal.requests()) as requests,
        closing(journal.inbox()) as inbox,
    ):
        yield Stores(inbox, requests, outbox)
