"""Putting exported or captured callbacks into a journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import Limits, SqliteInbox
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.callback import RawCallback, VerifiedCallback
from receiver.model.errors import ReceiverError, Unauthorized
from receiver.operate.archive import read_any
from receiver.providers.contract import Sources
from receiver.service import logs
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.journal import hold_journal
from receiver.service.system_clock import SystemClock

IMPORT_STEP = 500


@dataclass(slots=True)
class Imported:
    """What became of an import."""

    callbacks: int = 0
    unverified: int = 0
    """Taken on the caller's word."""
    outcomes: Counter[str] | None = None


async def import_lines(  # noqa: PLR0913  its options
    settings: Settings,
    environ: Mapping[str, str],
    text: str,
    *,
    publish: bool,
    trust: bool,
    source: str | None,
    advance: Callable[[int], None],
) -> Imported:
    """Put callbacks into this journal, with their times of receipt; raises ``ReceiverError``, ``JournalBusy``.

    Signatures are checked again as of the time of receipt; a line that cannot be verified needs ``trust``. Every line
    is looked at before the first is kept. No service may run on the journal meanwhile.
    """
    sources = resolve_sources(settings, environ)
    lines = list(read_any(text, source, SystemClock().now_us()))
    unverified = [number for number, callback, masked in lines if masked or not _verifies(sources, callback)]
    if unverified and not trust:
        raise ReceiverError(
            f"{len(unverified)} of {len(lines)} callbacks cannot be verified, the first is number {unverified[0]} "
            "(masked, unknown source, or a secret that is not configured); --trust takes them all the same"
        )
    unknown = sorted({callback.source for _, callback, _ in lines} - set(sources))
    if unknown:
        raise ReceiverError(f"these sources are not configured here: {', '.join(unknown)}")
    with hold_journal(settings, wait_s=0) as (journal, _):
        _interpret(settings, sources, journal.folder, publish=True)
        inbox = SqliteInbox(journal.folder, Limits())
        try:
            for at in range(0, len(lines), IMPORT_STEP):
                step = lines[at : at + IMPORT_STEP]
                await asyncio.gather(*(inbox.append(callback) for _, callback, _ in step))
                advance(len(step))
        finally:
            await asyncio.to_thread(inbox.close)
        outcomes = _interpret(settings, sources, journal.folder, publish=publish)
    return Imported(len(lines), len(unverified), outcomes)


def _verifies(sources: Sources, callback: VerifiedCallback) -> bool:
    if callback.source not in sources:
        return False
    provider, source = sources[callback.source]
    try:
        claim = provider.claim(callback.headers, source, callback.received_at_us // 1_000_000)
        provider.verify(
            RawCallback(callback.source, callback.received_at_us, callback.headers, callback.body), claim, source
        )
    except Unauthorized:
        return False
    return True


def _interpret(settings: Settings, sources: Any, folder: Path, *, publish: bool) -> Counter[str]:
    logs.configure(people=True, level=40)
    inbox, outbox, requests = (
        SqliteInboxReader(folder),
        SqliteOutbox.open(folder),
        SqliteRequests.open(folder, read_only=True),
    )
    try:
        interpreter = Interpreter(
            inbox=inbox,
            requests=requests,
            outbox=outbox,
            sources=sources,
            record_bytes_max=settings.kafka.record_bytes_max if settings.kafka else 2**31,
            publish_body=settings.quarantine.publish_body,
            log=logs.get(),
            metrics=InterpretMetrics(),
            publish=publish,
        )
        first = interpreter.interpreted + 1
        while interpreter.step():
            pass
        last = interpreter.interpreted
        found: Counter[str] = Counter()
        for at in range(first, last + 1, IMPORT_STEP):
            outcomes = outbox.outcomes_between(at, min(last, at + IMPORT_STEP - 1))
            found.update(outcome for outcome, _ in outcomes.values())
        return found
    finally:
        for store in (inbox, outbox, requests):
            store.close()
