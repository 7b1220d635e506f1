"""``/replay``: stored callbacks chosen to be sent again, counted and shown first; runs, and how far they came."""

from __future__ import annotations

from collections import Counter
from typing import Any

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import TIME_FIELDS, amount, choices, effective, kept, option, time_text, time_us
from receiver.operate.export_callbacks import chosen
from receiver.operate.reprocess import reprocess_preview
from receiver.operate.selection import Filter

BUDGET_S = 0.15
"""For a count, so that the page is there at once; what it did not reach is said."""
SHOWN_MAX = 20
DIFFERENCES_MAX = 50
FIELDS = ("source", "family", "kind", "status", "anomaly", "observed_via", "effective")


def replay(desk: Desk, ask: Ask) -> Page:
    """Fields; with ``dry`` set what they choose, and with ``reprocess`` what today's code would say otherwise."""
    wanted = wanted_of(ask)
    offered = {name: values for name, values in choices(desk).items() if name in FIELDS}
    narrowed = kept(ask, *FIELDS, *TIME_FIELDS, "operation", "amount")
    dry, again = ask.text("dry"), ask.text("reprocess") is not None
    run = desk.replays.now() if desk.replays is not None else None
    values: dict[str, Any] = {
        "choices": offered,
        "narrowed": narrowed,
        "ask": ask,
        "dry": _dry(desk, wanted, ask.number("skip") or 0) if dry and not again else None,
        "again": _again(desk, wanted) if again else None,
        "runs": desk.context.runs.listed(),
        "run": run,
        "rate": desk.replays.rate(run) if run is not None and desk.replays is not None else 0.0,
        "sends": desk.replays is not None,
    }
    said = {**narrowed, **{name: time for name in TIME_FIELDS if (time := time_text(ask, name)) is not None}}
    return Page("replay.html", "Replay", values, command(desk, said, reprocess=again))


def wanted_of(ask: Ask) -> Filter:
    """What is chosen; raises ``BadQuestion``."""
    return Filter(
        since_us=time_us(ask, "since"),
        until_us=time_us(ask, "until"),
        source=ask.text("source"),
        family=ask.text("family"),
        kind=ask.text("kind"),
        operation=ask.text("operation"),
        status=ask.text("status"),
        anomaly=ask.text("anomaly"),
        effective=effective(ask),
        observed_via=ask.text("observed_via"),
        amount=amount(ask),
    )


def command(desk: Desk, narrowed: dict[str, str], *, reprocess: bool) -> str:
    """The command that does it."""
    options = "".join(option(name, value) for name, value in narrowed.items())
    how = "--reprocess" if reprocess else "--to http http://127.0.0.1:8080"
    return f"receiver replay{desk.option}{options} {how} --dry-run"


def _dry(desk: Desk, wanted: Filter, skip: int) -> dict[str, Any]:
    clock = desk.context.clock
    end_s = clock.monotonic_s() + BUDGET_S
    kinds: Counter[tuple[str, str, str]] = Counter()
    rows: list[dict[str, Any]] = []
    cut_off = False
    for one in chosen(desk.context, wanted):
        event = one.event or {}
        kinds[event.get("kind", ""), event.get("status", ""), "" if event else one.outcome] += 1
        if kinds.total() > skip and len(rows) < SHOWN_MAX:
            rows.append(
                {
                    "number": one.entry.number,
                    "received_at_us": one.entry.callback.received_at_us,
                    "source": one.entry.callback.source,
                    "outcome": one.outcome,
                    "operation": event.get("operation_id", ""),
                    "status": event.get("status", ""),
                }
            )
        if clock.monotonic_s() > end_s:
            cut_off = True
            break
    return {
        "total": kinds.total(),
        "kinds": [
            {"kind": kind, "status": status, "outcome": outcome, "count": count}
            for (kind, status, outcome), count in kinds.most_common()
        ],
        "rows": rows,
        "skip": skip,
        "next": skip + SHOWN_MAX if kinds.total() > skip + SHOWN_MAX else None,
        "cut_off": cut_off,
    }


def _again(desk: Desk, wanted: Filter) -> dict[str, Any]:
    clock = desk.context.clock
    end_s = clock.monotonic_s() + BUDGET_S
    rows, cut_off = [], False
    for number, event, changed in reprocess_preview(desk.context, wanted):
        rows.append({"number": number, "operation": event["operation_id"], "changed": changed})
        if len(rows) >= DIFFERENCES_MAX or clock.monotonic_s() > end_s:
            cut_off = True
            break
    return {"rows": rows, "cut_off": cut_off}
