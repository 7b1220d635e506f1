"""``/``: one sentence on how it is, and the numbers behind it, each a link to its list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk, Service
from receiver.journal.index import Count, Counted
from receiver.journal.slots import first_record, slot_of_record
from receiver.model.records import QuarantineFilter
from receiver.model.times import DAY_US, from_us
from receiver.operate.drift import silent_sources
from receiver.operate.watchlist import listed

MINUTES = 60
MINUTE_US = 60_000_000
WIDTH, HEIGHT = 240, 40
"""Of a sparkline, in its own units."""
RUNBOOK = "receiver docs operate/readyz.md"


def overview(desk: Desk, ask: Ask) -> Page:
    """How it is now."""
    del ask
    now_us = desk.context.clock.now_us()
    service = desk.service()
    first_us = (now_us // MINUTE_US - MINUTES + 1) * MINUTE_US
    today_us = now_us // DAY_US * DAY_US
    with closing(desk.context.journal.index()) as index:
        hour = index.minutes(first_us, now_us + MINUTE_US)
        today = index.days(today_us, today_us + DAY_US)
        groups = index.quarantine_groups(QuarantineFilter())
    journal = _journal(desk)
    overdue = [card for card in desk.sources if card.asked]
    rows = listed(desk.context, {card.name: card.overdue_s for card in overdue}, overdue=True) if overdue else []
    reasons: Counter[str] = Counter()
    for group in groups.groups:
        reasons[group.reason] += group.count
    values = {
        "sentences": sentences(service, journal),
        "service": service,
        "journal": journal,
        "hour": hour,
        "lines": _lines(hour, first_us),
        "refused": _refused(desk, first_us),
        "refused_since": desk.refusals.since_us,
        "hour_from": minute_text(first_us),
        "day_from": from_us(today_us)[:10],
        "backlog": (service.readyz.get("kafka", {}).get("backlog") or 0) if service is not None else 0,
        "commit": _commit_ms(service),
        "answers": _answers(service),
        "sources": _sources(desk, today.counts),
        "today": today,
        "reasons": reasons.most_common(),
        "quarantined": reasons.total(),
        "groups": groups,
        "overdue": len(rows),
        "asks": bool(overdue),
        "processes": _processes(service),
        "place": desk.place,
    }
    return Page("overview.html", "Overview", values, f"receiver doctor{desk.option}")


def sentences(service: Service | None, journal: Mapping[str, int]) -> list[dict[str, str]]:
    """What is to be said first: each with its level, ``good``, ``note`` or ``bad``, and where to read on."""
    if service is None:
        waiting = journal["uninterpreted"]
        wait = "1 callback waits" if waiting == 1 else f"{waiting} callbacks wait"
        behind = f", {wait} to be interpreted" if waiting else ""
        return [{"level": "note", "text": f"No service answers: this is the journal as it lies{behind}.", "read": ""}]
    said = service.readyz
    found = []
    inbox, interpret, kafka = said.get("inbox", {}), said.get("interpret", {}), said.get("kafka", {})
    if not said.get("ready"):
        found.append(_bad(f"No callback is taken: {inbox.get('detail') or inbox.get('state')}."))
    if interpret.get("state") != "up" or interpret.get("detail"):
        found.append(_bad(f"Nothing is interpreted: {interpret.get('detail') or interpret.get('state')}."))
    if kafka.get("state") not in {"up", "off"}:
        found.append(_bad(f"Kafka is {kafka.get('state')}: {kafka.get('detail')}."))
    elif kafka.get("detail"):
        found.append({"level": "note", "text": f"Kafka: {kafka['detail']}.", "read": RUNBOOK})
    if found:
        return found
    unread = interpret.get("uninterpreted") or 0
    publishing = "Kafka is off" if kafka.get("state") == "off" else f"Kafka is up, {kafka.get('backlog', 0)} behind"
    return [{"level": "good", "text": f"Taking callbacks. {unread} to interpret. {publishing}.", "read": ""}]


def _bad(text: str) -> dict[str, str]:
    return {"level": "bad", "text": text, "read": RUNBOOK}


def _journal(desk: Desk) -> dict[str, int]:
    with closing(desk.context.journal.inbox()) as inbox, closing(desk.context.journal.outbox()) as outbox:
        taken, last = inbox.last_number(), outbox.last_number()
        unread = inbox.waiting(outbox.progress("inbox").number)
        remembered = outbox.latest_remembered()
    published = remembered[1].number if remembered is not None else 0
    return {
        "taken": taken,
        "recorded": _recorded(desk, last),
        "last": last,
        "uninterpreted": unread,
        "published": published,
    }


def _recorded(desk: Desk, last: int) -> int:
    """How many records were ever made: of several slots each has numbers of its own, with the slot in the high bits."""
    if slot_of_record(last) == 0:
        return last
    with closing(desk.context.journal.slots()) as slots:
        return sum(state.last_record - first_record(state.slot) for state in slots.states())


def _lines(hour: Counted, first_us: int) -> list[dict[str, Any]]:
    """A sparkline for each source and outcome that was heard of in the hour."""
    by: dict[tuple[str, str], list[int]] = {}
    for count in hour.counts:
        minute = (count.at_us - first_us) // MINUTE_US
        if 0 <= minute < MINUTES:
            by.setdefault((count.source, count.outcome), [0] * MINUTES)[minute] += count.count
    return [
        {
            "source": source,
            "outcome": outcome,
            "total": sum(points),
            "most": max(points),
            "most_at": minute_text(first_us + points.index(max(points)) * MINUTE_US),
            "most_to": minute_text(first_us + (points.index(max(points)) + 1) * MINUTE_US),
            "points": polyline(points),
        }
        for (source, outcome), points in sorted(by.items())
    ]


def _refused(desk: Desk, first_us: int) -> list[dict[str, Any]]:
    return [
        {
            "source": one.source,
            "answer": one.answer,
            "total": sum(one.points),
            "most": max(one.points),
            "points": polyline(one.points),
        }
        for one in desk.refusals.lines(first_us)
    ]


def minute_text(at_us: int) -> str:
    """The beginning of a minute as the fields of lists have it: ``2026-05-27T08:55``."""
    return from_us(at_us)[:16]


def polyline(points: Sequence[int]) -> str:
    """The points of an SVG polyline, as high as the highest of them."""
    most = max([*points, 1])
    step = WIDTH / max(1, len(points) - 1)
    return " ".join(
        f"{place * step:.1f},{HEIGHT - 2 - value / most * (HEIGHT - 4):.1f}" for place, value in enumerate(points)
    )


def _sources(desk: Desk, counts: Iterable[Count]) -> list[dict[str, Any]]:
    totals: Counter[tuple[str, str]] = Counter()
    for count in counts:
        totals[count.source, count.outcome] += count.count
    silent = {row["source"]: row for row in silent_sources(desk.context, [card.name for card in desk.sources])}
    return [
        {
            "card": card,
            "last": silent[card.name]["last_callback"],
            "silent_s": silent[card.name]["silent_s"],
            "too_long": (silent[card.name]["silent_s"] or 0) > card.silence_s,
            "events": totals[card.name, "event"],
            "repeats": totals[card.name, "duplicate"],
            "quarantined": totals[card.name, "quarantine"],
        }
        for card in desk.sources
    ]


def _answers(service: Service | None) -> list[tuple[str, int]]:
    """(HTTP status, callbacks that were answered so since the start), the most frequent first."""
    counts: Counter[str] = Counter()
    for (metric, labels), value in service.figures.items() if service is not None else ():
        if metric == "receiver_callbacks_total" and value:
            counts[labels.partition(",")[0]] += int(value)
    return counts.most_common()


def _commit_ms(service: Service | None) -> dict[str, float]:
    """p50 and p99 of the inbox's commits since the start, ms, as the upper edge of their bucket."""
    if service is None:
        return {}
    name = "receiver_inbox_commit_seconds_bucket"
    edges = sorted((float(labels), value) for (metric, labels), value in service.figures.items() if metric == name)
    total = edges[-1][1] if edges else 0
    if not total:
        return {}
    return {
        title: next(edge for edge, value in edges if value >= total * share) * 1000
        for title, share in (("p50", 0.5), ("p99", 0.99))
    }


def _processes(service: Service | None) -> list[dict[str, Any]]:
    if service is None:
        return []
    figures = service.figures
    roles = sorted(labels for (metric, labels) in figures if metric == "receiver_process_up")
    return [
        {
            "role": role,
            "up": bool(figures["receiver_process_up", role]),
            "restarts": int(figures.get(("receiver_process_restarts_total", role), 0)),
            "memory": figures.get(("receiver_process_resident_memory_bytes", role)),
        }
        for role in roles
    ]
