"""What the journal holds beside callbacks: an answer is an entry in the place of a callback."""

from __future__ import annotations

import pytest

from receiver.model.callback import EntryId
from receiver.model.records import OutboxBatch, Request


def test_an_answer_is_read_as_an_entry() -> None:
    """Received when it was asked for, without headers, and as new as the newest callback then."""
    entry = Request(12, "poll", 5, {"source": "swaps", "body": '{"id": "é"}', "after": 41}).polled
    assert (entry.id, entry.arrival) == (EntryId("requests", 12), 41)
    callback = entry.callback
    assert (callback.source, callback.received_at_us, callback.headers) == ("swaps", 5, ())
    assert callback.body == '{"id": "é"}'.encode()


def test_what_a_person_asks_for_is_no_answer() -> None:
    """It has no body that one could read."""
    with pytest.raises(KeyError):
        _ = Request(1, "redrive", 5, {"callbacks": [1]}).polled


def test_batches_share_nothing() -> None:
    """What is added to one is in no other."""
    one, other = OutboxBatch(), OutboxBatch()
    one.last_heard_us["main"] = 1
    assert other.last_heard_us == {}
