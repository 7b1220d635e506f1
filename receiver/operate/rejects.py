"""The sample of callbacks that failed verification, and why they did."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.intake.explain import Case, explain
from receiver.journal.sqlite.rejects import Reject, SqliteRejects
from receiver.model.errors import JournalError, ReceiverError
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_retired, resolve_sources


def rejects(settings: Settings, limit: int) -> list[Reject]:
    """The newest refused callbacks of the sample; raises ``JournalError`` where there is none."""
    store = _open_rejects(settings)
    try:
        return store.newest(limit)
    finally:
        store.close()


def explain_reject(settings: Settings, environ: Mapping[str, str], number: int) -> tuple[Reject, list[str]]:
    """One refused callback, and what would have matched; raises ``ReceiverError``."""
    store = _open_rejects(settings)
    try:
        reject = store.get(number)
    finally:
        store.close()
    if reject is None:
        raise ReceiverError(f"reject {number} is not in the sample; `receiver rejects list` shows those that are")
    found = resolve_sources(settings, environ).get(reject.raw.source)
    if found is None:
        raise ReceiverError(f"the source {reject.raw.source} is not configured any more")
    configured = next(source for source in settings.sources if source.name == reject.raw.source)
    retired = resolve_retired(settings, environ, reject.raw.source)
    return reject, explain(Case(reject.raw, *found, configured.public_url, retired))


def _open_rejects(settings: Settings) -> SqliteRejects:
    folder = settings.journal.folder
    if not (folder / "rejects.db").exists():
        raise JournalError(f"there are no rejects in {folder}: nothing was refused yet, or no service ran")
    return SqliteRejects(folder, read_only=True)
