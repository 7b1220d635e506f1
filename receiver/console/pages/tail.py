"""``/live``: the newest records, and what comes as it comes."""

from __future__ import annotations

from contextlib import closing

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk
from receiver.console.live import FIELDS, as_row
from receiver.console.pages.choices import choices, kept, option, wanted


def live(desk: Desk, ask: Ask) -> Page:
    """The newest that the fields let through; a script adds what comes."""
    fields = {name: values for name, values in choices(desk).items() if name in FIELDS}
    with closing(desk.context.journal.index()) as index:
        listing = index.events(wanted(ask))
    narrowed = kept(ask, *fields)
    values = {
        "rows": [as_row(record) for record in listing.records],
        "choices": fields,
        "narrowed": narrowed,
        "ask": ask,
    }
    command = f"receiver tail{desk.option} --follow" + "".join(option(name, value) for name, value in narrowed.items())
    return Page("live.html", "Live", values, command)
