"""``/request/NUMBER``: what was asked for, whether the service has carried it out, and what became of each callback."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from receiver.console.answers import Ask, NoSuchPage, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import option
from receiver.journal.entries import open_stores
from receiver.model.callback import EntryId
from receiver.model.times import from_us
from receiver.operate.requests import is_carried_out

SHOWN_MAX = 500
COMMAND_IDS_MAX = 10
"""Callbacks that the command names; with more a line would be too long to copy."""


def request(desk: Desk, ask: Ask) -> Page:
    """One request; the page asks again by itself while it waits."""
    text = ask.path["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    with closing(desk.context.journal.requests()) as requests:
        found = requests.read(number - 1, 1) if number else []
    if not found or found[0].number != number:
        raise NoSuchPage(f"there is no request {text}")
    asked = found[0]
    ids = [EntryId.parse(str(one)) for one in asked.payload.get("callbacks", ())][:SHOWN_MAX]
    with open_stores(desk.context.journal) as stores:
        standings = stores.outbox.quarantined(ids)
    done = is_carried_out(desk.context, number, ids)
    rows = [
        {"id": str(one), "state": standings[one].state if one in standings else "–", "standing": standings.get(one)}
        for one in ids
    ]
    values = {
        "number": number,
        "type": asked.request_type,
        "made_at": from_us(asked.made_at_us),
        "why": asked.payload.get("why", ""),
        "done": done,
        "rows": rows,
        "service": desk.service() is not None,
    }
    return Page("request.html", f"Request {number}", values, _command(desk, asked.request_type, ids))


def _command(desk: Desk, request_type: str, ids: Sequence[EntryId]) -> str:
    if request_type == "reprocess":
        return f"receiver replay{desk.option} --reprocess --dry-run"
    chosen = "".join(option("id", one) for one in ids[:COMMAND_IDS_MAX])
    return f"receiver quarantine list{desk.option} --state all --each{chosen}"
