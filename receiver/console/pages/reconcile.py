"""``/reconcile``: what providers' APIs are asked about, what is overdue, and what was given up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk
from receiver.operate.watchlist import listed

PAGE = 100
SHOWN = ("all", "open", "overdue", "given_up", "failing")


def reconcile(desk: Desk, ask: Ask) -> Page:
    """Per source its circuit and calls, and the operations, the oldest first."""
    asked = [card for card in desk.sources if card.asked]
    rows = listed(desk.context, {card.name: card.overdue_s for card in asked}, overdue=False)
    source, show = ask.text("source"), ask.text("show") or "all"
    chosen = [row for row in rows if source in {None, row["source"]} and _shown(row, show)]
    skip = ask.number("skip") or 0
    values = {
        "sources": [_of_source(desk, card.name, rows) for card in asked],
        "rows": chosen[skip : skip + PAGE],
        "total": len(chosen),
        "skip": skip,
        "next": skip + PAGE if skip + PAGE < len(chosen) else None,
        "source": source,
        "show": show,
        "shown": SHOWN,
        "asked": [card.name for card in asked],
    }
    overdue = " --overdue" if show == "overdue" else ""
    return Page("reconcile.html", "Reconcile", values, f"receiver reconcile list{desk.option}{overdue}")


def _shown(row: dict[str, Any], show: str) -> bool:
    if show == "overdue":
        return bool(row["overdue"])
    if show == "failing":
        return bool(row["failures"])
    return show in {"all", str(row["state"])}


def _of_source(desk: Desk, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    service = desk.service()
    said = service.readyz.get("reconcile", {}).get("sources", {}).get(name, {}) if service is not None else {}
    calls: Counter[str] = Counter()
    for (metric, labels), value in service.figures.items() if service is not None else ():
        answer, _, of = labels.partition(",")
        if metric == "receiver_polls_total" and of == name:
            calls[answer] += int(value)
    mine = [row for row in rows if row["source"] == name]
    return {
        "name": name,
        "circuit": said.get("circuit"),
        "open": sum(row["state"] == "open" for row in mine),
        "overdue": sum(bool(row["overdue"]) for row in mine),
        "given_up": sum(row["state"] == "given_up" for row in mine),
        "calls": calls.most_common(),
        "last_answer": max((row["last_answer"] for row in mine if row["last_answer"]), default=None),
    }
