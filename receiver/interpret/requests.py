"""What people ask of the interpreter, each a function that gives a batch and commits nothing.

``redrive`` looks again at callbacks in quarantine, ``reprocess`` at callbacks that became events, both with today's
code; ``close`` ends what will never be readable. The interpreter commits what these give; a preview only looks at it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from receiver.interpret.entry import Rules, add_entry, begin_batch, read_entry
from receiver.interpret.meaning import Reading, Unreadable
from receiver.interpret.noted import Noted
from receiver.interpret.outbox_batch import BatchBuilder
from receiver.journal.entries import Stores
from receiver.model.callback import EntryId, JournalEntry, RawCallback
from receiver.model.records import Request
from receiver.providers.contract import refusal


def carry_out(request: Request, rules: Rules, stores: Stores) -> BatchBuilder:
    """Give the batch of one request, of whatever type but ``poll``, which is interpreted as callbacks are."""
    if request.request_type == "redrive":
        return redrive(_entry_ids(request), rules, stores)
    if request.request_type == "reprocess":
        return reprocess(request.payload["callbacks"], rules, stores)
    if request.request_type == "close":
        return close(_entry_ids(request), request.payload["why"], rules, stores)
    # Of a newer release. It is passed over, and nothing is lost: what it points at stays where it is.
    builder = begin_batch(rules, stores.outbox, (), interpreted=stores.outbox.progress("inbox").number)
    fields = {"request": request.number, "request_type": request.request_type}
    builder.noted.append(Noted("error", "request.unknown", fields))
    return builder


def redrive(ids: Collection[EntryId], rules: Rules, stores: Stores) -> BatchBuilder:
    """Look again at those of the entries that are in quarantine.

    What is readable today becomes an event with its original time of receipt, its operation's next sequence and the
    effect that its rank gives it, or is a duplicate; what is not stays, with today's reason. A callback whose event
    Kafka refused gets a new event, since nobody ever saw the first.
    """
    interpreted = stores.outbox.progress("inbox").number
    standing = stores.outbox.quarantined(ids)
    open_ids = sorted(
        (entry_id for entry_id, at in standing.items() if at.state == "open"), key=lambda it: (it.store, it.number)
    )
    entries = [entry for entry_id in open_ids if (entry := stores.entry(entry_id)) is not None]
    readings = [read_entry(rules, entry) for entry in entries]
    builder = begin_batch(rules, stores.outbox, readings, interpreted=interpreted)
    for entry, reading in zip(entries, readings, strict=True):
        before = standing[entry.id]
        if isinstance(reading, Reading):
            builder.forget(reading.key, before.record)
        if add_entry(builder, rules, entry, reading, interpreted_before=True):
            verifies = _verifies(rules, entry) if entry.store == "inbox" else None
            builder.take_out_of_quarantine(entry, before, verifies=verifies)
    return builder


def reprocess(numbers: Collection[int], rules: Rules, stores: Stores) -> BatchBuilder:
    """Interpret callbacks that became events once more, by their inbox numbers.

    One whose facts are the same is a duplicate of its own event; one whose facts are not becomes a new revision. What
    cannot be read today is left as it is.
    """
    interpreted = stores.outbox.progress("inbox").number
    entries = [entry for number in sorted(numbers) if (entry := stores.inbox.entry(number)) is not None]
    readings = [read_entry(rules, entry) for entry in entries]
    builder = begin_batch(rules, stores.outbox, readings, interpreted=interpreted)
    for entry, reading in zip(entries, readings, strict=True):
        if isinstance(reading, Unreadable):
            builder.leave_unread(entry, reading)
        else:
            add_entry(builder, rules, entry, reading, interpreted_before=True)
    # Whose event is a duplicate of itself became that event, as before.
    builder.batch.outcomes = [outcome for outcome in builder.batch.outcomes if outcome.outcome == "event"]
    return builder


def close(ids: Collection[EntryId], why: str, rules: Rules, stores: Stores) -> BatchBuilder:
    """End those of the entries that are in quarantine; ``why`` is what the person says who ends them."""
    builder = begin_batch(rules, stores.outbox, (), interpreted=stores.outbox.progress("inbox").number)
    closing = [standing for standing in stores.outbox.quarantined(ids).values() if standing.state == "open"]
    builder.batch.quarantined = [replace(standing, state="closed", why=why) for standing in closing]
    fields = {"callbacks": [standing.id.to_json() for standing in closing], "why": why}
    builder.noted.append(Noted("info", "callback.closed", fields))
    return builder


def _entry_ids(request: Request) -> list[EntryId]:
    return [EntryId.parse(str(shown)) for shown in request.payload["callbacks"]]


def _verifies(rules: Rules, entry: JournalEntry) -> bool:
    # As of the time of receipt. The inbox holds only what was verified: a secret rotated out since is no error.
    provider, source = rules.sources[entry.callback.source]
    kept = entry.callback
    return refusal(provider, source, RawCallback(kept.source, kept.received_at_us, kept.headers, kept.body)) is None
