"""``/quarantine``: what nobody could read, in groups that say the same, and what a redrive would make of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from receiver.console.answers import Ask, BadQuestion, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import kept, option
from receiver.model.callback import EntryId
from receiver.model.cards import mask_cards
from receiver.model.errors import ConfigurationError
from receiver.model.records import Quarantined, QuarantineFilter
from receiver.operate.quarantine import preview, quarantined, with_words
from receiver.operate.requests import REQUEST_MAX

LOOKED_AT_MAX = 5000
"""Standings that a group is picked from."""
BUDGET_S = 0.1
"""For picking them for a page; what somebody asks to have done is picked whole."""
SHOWN_MAX = 50
"""Callbacks of a group that are shown and previewed at once."""
TYPED_ABOVE = 20
"""A redrive of more than so many asks for the number to be typed."""
STATES = ("open", "redriven", "closed", "all")
WHAT_TO_DO = {
    "unknown_status": "The provider says a status that this release does not know. Upgrade, or add it, and redrive.",
    "unknown_kind": "The provider tells of a kind that this release does not know. Upgrade, and redrive.",
    "schema": "A field is missing or has another shape. Upgrade, or correct the payload's model, and redrive.",
    "account_mismatch": "The source's account, or the URL at the provider, is wrong. Correct it, and redrive.",
    "internal_error": "An error of ours: the log has its frames under the callback's number. Upgrade, and redrive.",
    "not_json": "It is genuine and no JSON. Ask the provider; if it will never be readable, close it.",
    "not_utf8": "It is genuine and no UTF-8. Ask the provider; if it will never be readable, close it.",
    "too_large_for_broker": "Its event is larger than kafka.record_bytes_max. Raise it, at the brokers too; redrive.",
}


def quarantine(desk: Desk, ask: Ask) -> Page:
    """The groups, the largest first."""
    state = ask.text("state") or "open"
    if state not in STATES:
        raise BadQuestion(f"state is one of {', '.join(STATES)}")
    wanted = QuarantineFilter(ask.text("source"), ask.text("reason"), state=None if state == "all" else state)
    with closing(desk.context.journal.index()) as index:
        found = index.quarantine_groups(wanted)
    values = {
        "found": found,
        "state": state,
        "states": STATES,
        "source": ask.text("source"),
        "reason": ask.text("reason"),
        "total": sum(group.count for group in found.groups),
    }
    options = "" if state == "open" else f" --state {state}"
    options += "".join(option(name, ask.text(name)) for name in ("source", "reason"))
    return Page("quarantine.html", "Quarantine", values, f"receiver quarantine list{desk.option}{options}")


def group(desk: Desk, ask: Ask) -> Page:
    """The callbacks of one group, what to do about them, and what a redrive would make of them now."""
    skip = ask.number("skip") or 0
    rows, more = members(desk, ask, desk.context.clock.monotonic_s() + BUDGET_S, skip + SHOWN_MAX + 1)
    shown = rows[skip : skip + SHOWN_MAX]
    open_ids = [EntryId.parse(str(row["id"])) for row in shown if row["state"] == "open"]
    became, why = _preview(desk, open_ids)
    names = ("source", "reason", "detail", "word", "state")
    values = {
        "rows": [{**row, "becomes": became.get(str(row["id"]))} for row in shown],
        "total": len(rows),
        "skip": skip,
        "next": skip + SHOWN_MAX if skip + SHOWN_MAX < len(rows) else None,
        "more": more,
        "open": len(open_ids),
        "previewed": why,
        "reason": ask.text("reason") or "",
        "advice": WHAT_TO_DO.get(ask.text("reason") or "", ""),
        "fields": kept(ask, *names),
        "typed_above": TYPED_ABOVE,
        "done": [],
    }
    options = "".join(option(name, ask.text(name)) for name in ("source", "reason"))
    return Page("group.html", "Quarantine", values, f"receiver quarantine redrive{desk.option}{options} --dry-run")


def members(desk: Desk, ask: Ask, ends_s: float = math.inf, least: int = 0) -> tuple[Sequence[dict[str, Any]], bool]:
    """The standings of the group that the fields say, up to a request's worth; and whether there may be more.

    None is looked at after ``ends_s``, monotonic, once there are ``least``.
    """
    state = ask.text("state") or "open"
    wanted = QuarantineFilter(ask.text("source"), ask.text("reason"), state=None if state == "all" else state)
    rows, more = list[dict[str, Any]](), False
    for looked, row in enumerate(with_words(desk.context, _picked(desk, ask, wanted)), start=1):
        late = len(rows) >= least and desk.context.clock.monotonic_s() > ends_s
        if looked > LOOKED_AT_MAX or len(rows) == REQUEST_MAX or late:
            more = True
            break
        if ask.text("word") in {None, row["word"]}:
            rows.append(row)
    return rows, more


def _picked(desk: Desk, ask: Ask, wanted: QuarantineFilter) -> Iterator[Quarantined]:
    detail = ask.text("detail")
    return (one for one in quarantined(desk.context, wanted) if detail in {None, mask_cards(one.detail)})


def _preview(desk: Desk, ids: Sequence[EntryId]) -> tuple[dict[str, dict[str, Any]], str]:
    if not ids:
        return {}, ""
    try:
        return {str(row["id"]): row for row in preview(desk.context, ids)}, ""
    except ConfigurationError as error:
        return {}, "what a redrive would give is not known here: " + "; ".join(error.faults)
