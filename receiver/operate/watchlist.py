"""What a person asks of reconcile, wired: watch an operation, ask now, list what is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.journal.sqlite.journal import Journal, check_journal
from receiver.journal.sqlite.requests import FILE
from receiver.journal.sqlite.watchlist import SqliteWatchlist
from receiver.journal.watchlist import NEVER_US, Watched
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.model.times import from_us
from receiver.reconcile.reconciler import Round
from receiver.service import logs
from receiver.service.config.polls import polled
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.journal import hold_journal
from receiver.service.processes.reconcile import ReconcileProcess
from receiver.service.system_clock import SystemClock

LISTED_MAX = 100_000


def _journal(settings: Settings, *, make: bool = False) -> Journal:
    folder = settings.journal.folder
    if make and not (folder / FILE).exists():
        with hold_journal(settings, wait_s=1.0):
            pass  # a swap may be created, and watched, before the first service runs
    return Journal(folder, check_journal(folder))


def _polled(settings: Settings) -> dict[str, Any]:
    found = polled(settings, all_sources=True)
    if not found:
        raise ConfigurationError(["no source has `poll`: there is no API to ask; see the README, Reconcile"])
    return found


def track(settings: Settings, environ: Mapping[str, str], source: str, operation: str) -> bool:
    """Watch an operation from now on; whether a running service asks by itself.

    Raises ``ReceiverError`` for a source without ``poll`` and for an id that is none of its provider's.
    """
    polls = _polled(settings)
    if source not in polls:
        raise ReceiverError(f"{source} has no `poll`; those that have: {', '.join(polls)}")
    api = resolve_sources(settings, environ)[source][0].api
    if api is None or api.operation_id.fullmatch(operation) is None:
        raise ReceiverError(f"{operation!r} is no id of an operation of {source}")
    watch = SqliteWatchlist(_journal(settings, make=True).folder)
    try:
        watch.track(source, operation, SystemClock().now_us())
    finally:
        watch.close()
    return bool(polls[source].enabled)


async def once(settings: Settings, environ: Mapping[str, str]) -> dict[str, Round]:
    """Ask every source with ``poll`` for all that is open."""
    _polled(settings)
    sources = resolve_sources(settings, environ)
    part = ReconcileProcess(settings, sources, _journal(settings, make=True), logs.get(), all_sources=True)
    return await part.once()


def listed(settings: Settings, *, overdue: bool) -> list[dict[str, Any]]:
    """The operations that are asked about, the oldest first; with ``overdue`` only those open for too long."""
    limits_s = {name: poll.overdue_s for name, poll in _polled(settings).items()}
    now_us = SystemClock().now_us()
    watch = SqliteWatchlist(_journal(settings).folder)
    try:
        rows = [_row(one, now_us, limits_s) for one in watch.listed(overdue_before_us=None, limit=LISTED_MAX)]
    finally:
        watch.close()
    return [row for row in rows if row["overdue"] or not overdue]


def _row(one: Watched, now_us: int, limits_s: Mapping[str, float]) -> dict[str, Any]:
    open_s = max(0, now_us - one.since_us) / 1e6
    return {
        "source": one.source,
        "operation": one.operation_id,
        "state": one.state,
        "open_s": round(open_s),
        "overdue": one.state == "open" and open_s > limits_s.get(one.source, float("inf")),
        "last_answer": from_us(one.asked_us) if one.asked_us else None,
        "next": None if one.due_us == NEVER_US else from_us(one.due_us),
        "failures": one.failures,
        "why": one.why,
    }
