"""Asking the interpreter for work: a request in the journal, and whether a running service carried it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from receiver.model.callback import EntryId
from receiver.operate.context import Context

REQUEST_MAX = 500
"""Entries in one request: one outbox transaction."""
WAIT_S = 15.0
"""For a running service to carry a request out."""
POLL_S = 0.1


def leave(context: Context, request_type: str, ids: Sequence[EntryId], **more: Any) -> int:
    """Ask for ``redrive``, ``reprocess`` or ``close`` of entries; gives the last request's number."""
    last = 0
    with closing(context.journal.requests(write=True)) as store:
        for at in range(0, len(ids), REQUEST_MAX):
            payload = {"callbacks": [entry_id.to_json() for entry_id in ids[at : at + REQUEST_MAX]], **more}
            last = store.add(request_type, context.clock.now_us(), payload)
    return last


def request(
    context: Context,
    request_type: str,
    ids: Sequence[EntryId],
    *,
    sleep: Callable[[float], None] = time.sleep,
    **more: Any,
) -> tuple[int, bool]:
    """Ask for ``redrive``, ``reprocess`` or ``close`` of entries, and wait a while for it.

    Gives the last request's number, and whether a running service has carried it out. ``sleep`` waits so many seconds.
    """
    last = leave(context, request_type, ids, **more)
    with closing(context.journal.outbox()) as outbox:
        deadline_s = context.clock.monotonic_s() + WAIT_S
        while outbox.progress("requests").number < last and context.clock.monotonic_s() < deadline_s:
            sleep(POLL_S)
        return last, outbox.progress("requests").number >= last
