"""``/operation/KEY``: what is known of one operation, and what arrived of it, in order, with what it became and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import orjson

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import quoted
from receiver.console.story import Known, told
from receiver.journal.entries import open_stores
from receiver.model.callback import EntryId, JournalEntry
from receiver.model.errors import ConfigurationError
from receiver.model.operation import operation_key
from receiver.model.quarantine_record import WORDS, offending_word
from receiver.model.records import Quarantined
from receiver.model.times import to_us
from receiver.operate.lookup import SeveralOperations, UnknownOperation
from receiver.operate.timeline import timeline

BODIES_MAX = 40
"""Repeats whose bodies are compared with what they repeat, and callbacks whose word is looked for, for one page."""
SCAN_S = 0.05
"""For looking through what nobody could read for the operation's id; `receiver show` looks through all of it."""
EVENTS_MAX = 500
"""Whose contents are read for one page; an operation has a dozen."""
WHY_NOT = {
    "late": "something that ranks higher was known already",
    "conflict": "the operation had ended otherwise already",
}
"""Anomaly → why an event is not the operation's state."""
AMOUNTS = (("spent", "Spent"), ("received", "Received"), ("payout", "Payout"))


def operation(desk: Desk, ask: Ask) -> Page:
    """The timeline; with the field ``places`` also where on Kafka each event lies, which takes a look there.

    An operation is found by the index alone, so that a mistyped address costs no more than another page; who knows
    that it is there has the command, which looks through everything.
    """
    key = ask.path["key"]
    places = ask.text("places") is not None
    context = desk.context if places else replace(desk.context, open_kafka=lambda: None)
    try:
        retired = {card.name: desk.retired(card.name) for card in desk.sources}
        rows = asyncio.run(timeline(context, key, retired, SCAN_S))
    except (UnknownOperation, SeveralOperations) as error:
        return _which(desk, key, error)
    with closing(desk.context.journal.search()) as search:
        numbers = {row["record"] for row in rows if row["record"] is not None and row["outcome"] == "event"}
        events = {
            number: orjson.loads(record.value)
            for number in sorted(numbers)[:EVENTS_MAX]
            if (record := search.record(number)) is not None and record.record_type == "event"
        }
    effective = [event for event in events.values() if event["effective"]]
    now = effective[-1] if effective else next(reversed(events.values()), None)
    if now is not None:
        key = operation_key(now["provider"], now["account"], now["kind"], now["operation_id"])
    values = {
        "key": key,
        "now": now,
        "amounts": [] if now is None else amounts(now),
        "story": told(rows, known_of(desk, rows)),
        "arrivals": folded(rows, events),
        "places": places,
        "unanswered": places and not any("kafka" in row for row in rows),
        "kafka": _has_kafka(desk),
        "topics": [] if now is None else desk.topic_of({name: str(now[name] or "") for name in _ROUTED}),
        "first": next((row["received_at"] for row in rows if row["received_at"]), None),
        "simulated": any(row.get("simulated") for row in rows),
    }
    shown = now["operation_id"] if now is not None else key
    return Page("operation.html", f"Operation {shown}", values, f"receiver show{desk.option} {quoted(key)}")


def _which(desk: Desk, text: str, error: UnknownOperation | SeveralOperations) -> Page:
    """What is there where an address names no operation, or more than one."""
    keys = error.keys if isinstance(error, SeveralOperations) else ()
    with closing(desk.context.journal.index()) as index:
        indexed = index.indexed()
    values = {"text": text, "keys": keys, "waiting": _waiting(desk), "indexed": indexed}
    title = "Several operations" if keys else "Not found"
    return Page("which.html", title, values, f"receiver show{desk.option} {quoted(text)}", status=404)


_ROUTED = ("provider", "source", "account", "family", "kind", "status")


def known_of(desk: Desk, rows: Sequence[dict[str, Any]]) -> Known:
    """What the journal knows of arrivals beside their rows: their standings, and whether repeats are other bytes."""
    ids = {row["callback"]: EntryId.parse(str(row["callback"])) for row in rows if row["callback"] is not None}
    known = [row for row in rows if row["callback"] in ids]
    first = {row["record"]: ids[row["callback"]] for row in known if row["outcome"] == "event"}
    repeats = [row for row in known if row["outcome"] == "duplicate" and row["record"] in first]
    other: dict[int | str, int] = {}
    words: dict[int | str, str] = {}
    with open_stores(desk.context.journal) as stores:
        found = stores.outbox.quarantined(ids.values())
        for row in repeats[:BODIES_MAX]:
            one, before = ids[row["callback"]], first[row["record"]]
            bodies = [entry.callback.body for at in (one, before) if (entry := stores.entry(at)) is not None]
            if one.store == before.store and len(set(bodies)) == 2:
                other[row["callback"]] = len(bodies[0]) - len(bodies[1])
        for standing in list(found.values())[:BODIES_MAX]:
            words[standing.id.to_json()] = word_of(standing, stores.entry(standing.id))
    return Known({standing.id.to_json(): standing for standing in found.values()}, words, other)


def word_of(standing: Quarantined, entry: JournalEntry | None) -> str:
    """The word that nobody knew, masked; empty where it is about none, or the callback is purged."""
    known = entry is not None and standing.reason in WORDS
    return offending_word(standing.reason, standing.detail, entry.callback.body) if known and entry is not None else ""


def amounts(event: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """(what, digits as sent, padding, currency, network) of an event's money, in the order in which it moves.

    The padding is what makes the digits end at the same place behind the point; it is drawn and is no text.
    """
    payout = event["payout"] or {}
    rows = [
        (title, part["amount"] or "", part["currency"] or "", part["network"] or "")
        for name, title in AMOUNTS
        if (part := event[name]) is not None
    ]
    rows += [
        (f"Payout {name}", payout[name], payout["currency"] or "", payout["network"] or "")
        for name in ("paid", "failed")
        if payout.get(name)
    ]
    rows += [(f"Fee: {fee['kind']}", fee["amount"], fee["currency"] or "", "") for fee in event["fees"]]
    longest = max((_behind_point(digits) for _, digits, _, _ in rows), default=0)
    return [
        (what, digits, "0" * (longest - _behind_point(digits)), currency, network)
        for what, digits, currency, network in rows
    ]


def _behind_point(digits: str) -> int:
    """Characters from the point on."""
    _, point, rest = digits.partition(".")
    return len(point + rest)


def folded(rows: Sequence[dict[str, Any]], events: dict[int, Any]) -> list[dict[str, Any]]:
    """Arrivals for people: each with the time since the one before, and repeats of one event in a row as one."""
    shown: list[dict[str, Any]] = []
    last_us: int | None = None
    for row in rows:
        at_us = to_us(row["received_at"]) if row["received_at"] else None
        before = shown[-1] if shown else None
        if (
            before is not None
            and row["outcome"] == before["outcome"] == "duplicate"
            and row["record"] == before["record"]
        ):
            before["repeats"].append(row["callback"])
            last_us = at_us
            continue
        since_s = None if at_us is None or last_us is None else (at_us - last_us) / 1e6
        shown.append(
            {
                **row,
                "since_s": since_s,
                "way": way(row),
                "repeats": [row["callback"]],
                "event": events.get(row["record"]) if row["outcome"] == "event" else None,
                "why_not": [WHY_NOT[name] for name in row.get("anomalies", ()) if name in WHY_NOT],
            }
        )
        last_us = at_us if at_us is not None else last_us
    return shown


def way(row: dict[str, Any]) -> str:
    """How an arrival came: by webhook, by a poll, taken over from Kafka, or by a person's hand."""
    if row["outcome"] == "erased":
        return "a person"
    if row["callback"] is None:
        return "from Kafka"
    return "poll" if str(row["callback"]).startswith("poll-") else "webhook"


def _has_kafka(desk: Desk) -> bool:
    try:
        return desk.context.kafka is not None
    except ConfigurationError:
        return False


def _waiting(desk: Desk) -> int:
    """Callbacks that are not interpreted yet."""
    with closing(desk.context.journal.inbox()) as inbox, closing(desk.context.journal.outbox()) as outbox:
        return inbox.waiting(outbox.progress("inbox").number)
