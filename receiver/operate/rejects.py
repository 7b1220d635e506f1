"""The sample of callbacks that failed verification, and why they did."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from receiver.intake.explain import Case, explain
from receiver.model.errors import NothingRefused, ReceiverError
from receiver.model.records import Reject
from receiver.operate.context import Context


def rejects(context: Context, limit: int) -> Sequence[Reject]:
    """The newest refused callbacks of the sample, none where nothing was refused yet.

    Raises ``JournalError`` where there is no journal, or one that cannot be read.
    """
    try:
        store = context.journal.rejects()
    except NothingRefused:
        return []
    with closing(store):
        return store.newest(limit)


def find_reject(context: Context, number: int) -> Reject:
    """One of them; raises ``ReceiverError``."""
    with closing(context.journal.rejects()) as store:
        reject = store.get(number)
    if reject is None:
        raise ReceiverError(f"reject {number} is not in the sample; `receiver rejects list` shows those that are")
    if reject.raw.source not in context.sources:
        raise ReceiverError(f"the source {reject.raw.source} is not configured any more")
    return reject


def explain_reject(
    context: Context, reject: Reject, *, public_url: str | None, retired: tuple[bytes, ...]
) -> list[str]:
    """What would have matched, a sentence each; ``retired`` are secrets of its source that are live no more."""
    return explain(Case(reject.raw, *context.sources[reject.raw.source], public_url, retired))
