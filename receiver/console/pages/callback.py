"""``/callback/ID`` and ``/record/NUMBER``: one callback or answer as it came, masked, and what it became."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.console.answers import Ask, NoSuchPage, Page
from receiver.console.desk import Desk
from receiver.console.live import as_row, key_of
from receiver.console.pages.choices import option, quoted
from receiver.console.pages.operation import word_of
from receiver.console.story import Sentence, in_other_bytes, stands
from receiver.journal.entries import open_stores
from receiver.model.callback import EntryId, JournalEntry, is_simulated
from receiver.model.errors import ConfigurationError
from receiver.model.masked_body import mask_body
from receiver.model.quarantine_record import public_headers
from receiver.model.records import OutboxRecord, Outcome, Quarantined
from receiver.model.times import from_us
from receiver.operate.quarantine import row as standing_row
from receiver.operate.verifying_key import verifying_key
from receiver.providers.registry import body_fields

BODY_SHOWN_MAX = 256 * 1024
"""Bytes of a body that a page shows; providers send about 1 KiB."""


def callback(desk: Desk, ask: Ask, *, unmasked: bool = False) -> Page:
    """One entry of the journal: its headers without signatures, its body with card numbers masked unless said."""
    try:
        entry_id = EntryId.parse(ask.path["id"])
    except ValueError as error:
        raise NoSuchPage(str(error)) from None
    with open_stores(desk.context.journal) as stores, closing(desk.context.journal.search()) as search:
        entry = stores.entry(entry_id)
        standing = stores.outbox.quarantined([entry_id]).get(entry_id)
        found = stores.outbox.outcomes_between(entry_id.number, entry_id.number) if entry_id.store == "inbox" else {}
        outcome = found.get(entry_id.number)
        waiting = entry_id.number > stores.outbox.progress(entry_id.store).number
        record = search.record(outcome.record) if outcome is not None and outcome.record is not None else None
        repeated = stores.entry(EntryId("inbox", record.callback)) if record is not None and record.callback else None
    if entry is None and standing is None and outcome is None:
        raise NoSuchPage(f"there is no callback {entry_id}: it was purged, or never was")
    values = {
        "id": entry_id,
        "entry": None if entry is None else shown_entry(desk, entry, unmasked=unmasked),
        "standing": None if standing is None else standing_row(standing),
        "became": _became(outcome, record),
        "story": _story(_Told(entry_id, standing, entry, outcome, record, repeated)),
        "waiting": waiting,
        "whole": "",
    }
    command = _command(
        desk, entry_id, entry, None if outcome is None else outcome.operation, known=standing is not None
    )
    return Page("callback.html", f"Callback {entry_id}", values, command)


def record(desk: Desk, ask: Ask) -> Page:
    """One record of the outbox, as it is or will be on Kafka."""
    text = ask.path["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    with closing(desk.context.journal.search()) as search:
        found = search.record(number)
    if found is None:
        raise NoSuchPage(f"there is no record {text}: it was purged, or never was")
    values = {"record": found, "row": as_row(found), "key": key_of(found)}
    quarantined = found.record_type != "event"
    shown = found.record_id if quarantined else key_of(found)
    command = f"receiver {'quarantine show' if quarantined else 'show'}{desk.option} {quoted(shown)}"
    return Page("record.html", f"Record {number}", values, command)


def _command(desk: Desk, entry_id: EntryId, entry: JournalEntry | None, operation: str | None, *, known: bool) -> str:
    """The command that shows the same; ``known``: in quarantine."""
    if known:
        return f"receiver quarantine show{desk.option} {entry_id}"
    if operation is not None:
        return f"receiver show{desk.option} {quoted(operation)}"
    since = "" if entry is None else option("since", from_us(entry.callback.received_at_us))
    return f"receiver export{desk.option}{since} --limit 1"


def shown_entry(desk: Desk, entry: JournalEntry, *, unmasked: bool = False) -> dict[str, Any]:
    """An entry for people, whom nothing lets see a signature or an authorization; ``unmasked``: whole card numbers."""
    said = entry.callback
    try:
        sources = desk.context.sources
    except ConfigurationError:
        sources = {}
    found = sources.get(said.source)
    shown = found[0].shown_headers if found is not None else frozenset[bytes]()
    headers = public_headers(said.headers, shown)
    body = said.body if unmasked else mask_body(said.body, body_fields())
    return {
        "source": said.source,
        "received_at": from_us(said.received_at_us),
        "headers": headers,
        "headers_hidden": len(said.headers) - len(headers),
        "body": body[:BODY_SHOWN_MAX],
        "body_bytes": len(said.body),
        "cut": len(body) > BODY_SHOWN_MAX,
        "sha256": hashlib.sha256(said.body).hexdigest(),
        "masked": body != said.body,
        "key": verifying_key(said, sources, desk.retired(said.source)) if entry.store == "inbox" else None,
        "way": "webhook" if entry.store == "inbox" else "poll",
        "simulated": is_simulated(said.headers),
    }


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of one entry."""

    entry_id: EntryId
    standing: Quarantined | None
    entry: JournalEntry | None
    outcome: Outcome | None
    record: OutboxRecord | None
    repeated: JournalEntry | None
    """What the record was made of: of a repeat, another one."""


def _story(told: _Told) -> list[Sentence]:
    standing, outcome, record = told.standing, told.outcome, told.record
    said = []
    if standing is not None:
        said.append(Sentence(None, stands(standing, word_of(standing, told.entry)), "odd"))
    event = orjson.loads(record.value) if record is not None and record.record_type == "event" else None
    if outcome is not None and event is not None:
        word = f"{event['provider_status']}, which is {event['status']}"
        again = {"event": f"It said {word}.", "duplicate": f"It said again what was known already: {word}."}
        if outcome.outcome in again:
            counts = "" if event["effective"] else " That is not the operation's state; its own page says why."
            said.append(Sentence(None, again[outcome.outcome] + counts, "odd" if counts else "usual"))
        bodies = [one.callback.body for one in (told.entry, told.repeated) if one is not None]
        if outcome.outcome == "duplicate" and len(set(bodies)) == 2:
            said.append(Sentence(None, in_other_bytes(len(bodies[0]) - len(bodies[1])), "odd"))
    elif outcome is not None and outcome.outcome == "duplicate":
        said.append(Sentence(None, "It said again what was known already; that event is not in the journal any more."))
    if not said and told.entry_id.store == "requests":
        said.append(Sentence(None, "It is what the provider answered when it was asked."))
    return said


def _became(outcome: Outcome | None, record: OutboxRecord | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    row = None if record is None else as_row(record)
    return {"outcome": outcome.outcome, "operation": outcome.operation, "record": outcome.record, "row": row}
