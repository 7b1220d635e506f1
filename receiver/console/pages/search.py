"""``/search``: one box for whatever a person has, and lists of records by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from urllib.parse import quote

from receiver.console.answers import Ask, GoTo, Page
from receiver.console.desk import Desk
from receiver.console.live import as_row
from receiver.console.pages.choices import TIME_FIELDS, amount, choices, kept, option, quoted, time_text, wanted
from receiver.journal.index import PAGE, EventPage, Found, Hit

PAGES_OF: dict[str, str] = {
    "operation": "/operation",
    "event": "/event",
    "callback": "/callback",
    "quarantine": "/callback",
    "reject": "/rejects",
}
"""What was found → where its page is, before its name."""


def search(desk: Desk, ask: Ask) -> Page | GoTo:
    """What stands for a text, and the newest records that the fields let through; the only thing there is at once."""
    text = ask.text("q")
    fields = choices(desk)
    with closing(desk.context.journal.index()) as index:
        found = index.find(text) if text else None
        if found is not None and found.only is not None:
            return _to(found.only)
        listing = None if text else index.events(wanted(ask), before=ask.number("before"), after=ask.number("after"))
    narrowed = kept(ask, *fields, *TIME_FIELDS, "amount")
    values = {
        "q": text or "",
        "found": found,
        "groups": [] if found is None else _groups(found),
        "shared": "" if found is None or text is None else shared(found, text),
        "pages": PAGES_OF,
        "listing": listing,
        "rows": [] if listing is None else [as_row(record) for record in listing.records],
        "choices": fields,
        "narrowed": narrowed,
        "ask": ask,
    }
    return Page("search.html", "Search", values, _command(desk, ask, text), data=_data(found, listing, values["rows"]))


def _data(found: Found | None, listing: EventPage | None, rows: object) -> dict[str, object]:
    """The same for a program: a list and where it goes on, or what was found."""
    if listing is not None:
        return {"records": rows, "older": listing.older, "newer": listing.newer, "cut_off": listing.cut_off}
    groups = [] if found is None else _groups(found)
    return {"found": {name: [asdict(hit) for hit in hits] for name, hits in groups}}


def event(desk: Desk, ask: Ask) -> GoTo:
    """The record of an event id, by way of a search."""
    del desk
    return GoTo("/search", {"q": ask.path["event_id"]})


def _to(hit: Hit) -> GoTo:
    if hit.what == "operation" or hit.operation is not None:
        return GoTo(f"/operation/{_part(hit.operation or hit.name)}")
    if hit.what == "event":
        return GoTo(f"/record/{hit.record}")
    return GoTo(f"{PAGES_OF[hit.what]}/{_part(hit.name)}")


def _part(name: str) -> str:
    return quote(name, safe="")


def _groups(found: Found) -> list[tuple[str, list[Hit]]]:
    names = ("operations", "events", "callbacks", "quarantine", "rejects")
    return [(name, list(getattr(found, name))) for name in names if getattr(found, name)]


SHARED = {"reference": "the reference", "transaction_hash": "the transaction hash", "operation": "the id"}
"""What operations that have nothing to do with each other may have alike → how it is called."""


def shared(found: Found, text: str) -> str:
    """A sentence where several operations have the same value, so that nobody takes one for the other."""
    for by, called in SHARED.items():
        alike = [hit for hit in found.operations if hit.by == by]
        if len(alike) > 1:
            sources = sorted({hit.source for hit in alike})
            return f"{len(alike)} operations have {called} {text}: {' and '.join(f'of {one}' for one in sources)}."
    return ""


def _command(desk: Desk, ask: Ask, text: str | None) -> str:
    if text:
        return f"receiver show{desk.option} {quoted(text)}"
    times = {name: time_text(ask, name) for name in TIME_FIELDS}
    if ask.text("outcome") in {"quarantine", "withheld"}:
        return f"receiver quarantine list{desk.option} --state all" + _options({"source": ask.text("source")} | times)
    said = {name: ask.text(name) for name in choices(desk) if name != "outcome"}
    return f"receiver tail{desk.option} -n {PAGE}" + _options(said | {"amount": amount(ask)} | times)


def _options(fields: Mapping[str, str | None]) -> str:
    return "".join(option(name, value) for name, value in fields.items())
