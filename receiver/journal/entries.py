"""Finding a journal entry by its number, whichever store holds it. Pure but for the readers it is given."""

from __future__ import annotations

from receiver.journal.ports import InboxReader, RequestsReader
from receiver.model.callback import InboxEntry


def find_entry(inbox: InboxReader, requests: RequestsReader, number: int) -> InboxEntry | None:
    """A callback by its inbox number, or an API's answer by minus its request's; None where it has gone."""
    if number >= 0:
        return inbox.entry(number)
    found = requests.read(-number - 1, 1)
    return found[0].polled if found and (found[0].number, found[0].request_type) == (-number, "poll") else None
