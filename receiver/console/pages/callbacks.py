"""``/callbacks``: what was taken, the newest first, with what became of each; repeats and what waits are here alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.console.answers import Ask, BadQuestion, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import TIME_FIELDS, kept, option, time_text, time_us
from receiver.journal.entries import open_stores
from receiver.journal.ports import InboxReader
from receiver.model.callback import JournalEntry
from receiver.model.records import Outcome
from receiver.model.times import from_us

PAGE = 50
STEP = 200
"""Callbacks that are read at once."""
BUDGET_S = 0.1
"""For one page; a page that was cut off says so, and the next one goes on."""
BEFORE_MAX = 1000
"""Callbacks in a row from before the wanted time after which no further ones are looked for: clocks are set by less."""
BECAME = ("event", "duplicate", "quarantine", "waiting")
"""What a list may be narrowed to; ``waiting`` is not interpreted yet."""


@dataclass(slots=True)
class _Page:
    rows: list[dict[str, Any]]
    older: int | None = None
    cut_off: bool = False


def callbacks(desk: Desk, ask: Ask) -> Page:
    """Those that the fields let through, fifty a page, by number."""
    became = ask.text("became")
    if became is not None and became not in BECAME:
        raise BadQuestion(f"became is one of {', '.join(BECAME)}")
    found = _found(desk, ask, became)
    values = {
        "rows": found.rows,
        "older": found.older,
        "cut_off": found.cut_off,
        "choices": {"source": [card.name for card in desk.sources], "became": BECAME},
        "narrowed": kept(ask, "source", "became", *TIME_FIELDS),
        "ask": ask,
    }
    said = {"source": ask.text("source"), **{name: time_text(ask, name) for name in TIME_FIELDS}}
    options = "".join(option(name, value) for name, value in said.items())
    return Page("callbacks.html", "Callbacks", values, f"receiver export{desk.option}{options} --limit {PAGE}")


def _found(desk: Desk, ask: Ask, became: str | None) -> _Page:
    since_us, until_us, source = time_us(ask, "since"), time_us(ask, "until"), ask.text("source")
    ends_s = desk.context.clock.monotonic_s() + BUDGET_S
    found, early = _Page([]), 0
    with open_stores(desk.context.journal) as stores:
        interpreted = stores.outbox.progress("inbox").number
        before = ask.number("before")
        top = stores.inbox.last_number() if before is None else before - 1
        lowest = interpreted if became == "waiting" else 0
        for entries in _downwards(stores.inbox, top, lowest):
            outcomes = stores.outbox.outcomes_between(entries[-1].number, entries[0].number)
            for entry in entries:
                at_us = entry.callback.received_at_us
                early = early + 1 if since_us is not None and at_us < since_us else 0
                row = _row(entry, outcomes, interpreted)
                wanted = became in {None, row["became"]} and source in {None, row["source"]}
                if wanted and not early and (until_us is None or at_us < until_us):
                    if len(found.rows) == PAGE:
                        found.older = found.rows[-1]["number"]
                        return found
                    found.rows.append(row)
            if early >= BEFORE_MAX:
                return found
            if desk.context.clock.monotonic_s() > ends_s and entries[-1].number > lowest + 1:
                found.cut_off, found.older = True, entries[-1].number
                return found
    return found


def _downwards(inbox: InboxReader, top: int, lowest: int) -> Iterator[Sequence[JournalEntry]]:
    """Callbacks up to ``top`` and above ``lowest`` in steps, each and all of them the newest first."""
    while top > lowest:
        begin = max(lowest, top - STEP)
        at, step = begin, list[JournalEntry]()
        while at < top and (entries := inbox.read(at, top - at)):
            step += [entry for entry in entries if entry.number <= top]
            at = entries[-1].number
        if step:
            yield step[::-1]
            top = begin
        else:  # many numbers in a row may have been purged, or never given
            top = next((number for number, _, _ in inbox.bodies_below(begin + 1, 1)), lowest)


def _row(entry: JournalEntry, outcomes: Mapping[int, Outcome], interpreted: int) -> dict[str, Any]:
    outcome = outcomes.get(entry.number)
    waiting = "waiting" if entry.number > interpreted else ""
    return {
        "number": entry.number,
        "received_at": from_us(entry.callback.received_at_us),
        "source": entry.callback.source,
        "bytes": len(entry.callback.body),
        "became": waiting if outcome is None else outcome.outcome,
        "operation": None if outcome is None else outcome.operation,
        "record": None if outcome is None else outcome.record,
    }
