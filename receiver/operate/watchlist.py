"""What a person asks of reconcile: watch an operation, list what is open."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from receiver.journal.watchlist import NEVER_US, Watched
from receiver.model.errors import ReceiverError
from receiver.model.times import from_us
from receiver.operate.context import Context

LISTED_MAX = 100_000


def check_operation_id(context: Context, source: str, operation: str) -> None:
    """Raise ``ReceiverError`` for an id that is none of the source's provider's."""
    api = context.sources[source][0].api
    if api is None or api.operation_id.fullmatch(operation) is None:
        raise ReceiverError(f"{operation!r} is no id of an operation of {source}")


def track(context: Context, source: str, operation: str) -> None:
    """Watch an operation from now on; its id was checked."""
    with closing(context.journal.watchlist()) as watchlist:
        watchlist.track(source, operation, context.clock.now_us())


def listed(context: Context, overdue_s: Mapping[str, float], *, overdue: bool) -> list[dict[str, Any]]:
    """The operations that are asked about, the oldest first; with ``overdue`` only those open for too long.

    ``overdue_s``: source → s after which an open operation is overdue.
    """
    now_us = context.clock.now_us()
    with closing(context.journal.watchlist()) as watchlist:
        rows = [_row(watched, now_us, overdue_s) for watched in watchlist.listed(LISTED_MAX)]
    return [row for row in rows if row["overdue"] or not overdue]


def _row(watched: Watched, now_us: int, overdue_s: Mapping[str, float]) -> dict[str, Any]:
    open_s = max(0, now_us - watched.since_us) / 1e6
    return {
        "source": watched.source,
        "operation": watched.operation_id,
        "state": watched.state,
        "open_s": round(open_s),
        "overdue": watched.state == "open" and open_s > overdue_s.get(watched.source, float("inf")),
        "last_answer": from_us(watched.asked_us) if watched.asked_us else None,
        "next": None if watched.due_us == NEVER_US else from_us(watched.due_us),
        "failures": watched.failures,
        "why": watched.why,
    }
