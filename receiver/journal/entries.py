"""Finding a journal entry, whichever store holds it. Pure but for the readers it is given."""

from __future__ import annotations

from receiver.journal.ports import InboxReader, RequestsReader
from receiver.model.callback import EntryId, JournalEntry


def find_entry(inbox: InboxReader, requests: RequestsReader, entry_id: EntryId) -> JournalEntry | None:
    """The entry, None where it has been purged or never was."""
    if entry_id.store == "inbox":
        return inbox.entry(entry_id.number)
    found = requests.read(entry_id.number - 1, 1)
    is_it = bool(found) and (found[0].number, found[0].request_type) == (entry_id.number, "poll")
    return found[0].polled if is_it else None
