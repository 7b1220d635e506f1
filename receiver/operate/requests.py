"""Asking the interpreter for work: a request in the journal, and whether a running service carried it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from receiver.journal.handle import Journal
from receiver.model.callback import EntryId
from receiver.operate.context import Context

REQUEST_MAX = 500
"""Entries in one request: one outbox transaction."""
WAIT_S = 15.0
"""For a running service to carry a request out."""
POLL_S = 0.1


def leave(context: Context, request_type: str, ids: Sequence[EntryId], **more: Any) -> int:
    """Ask for ``redrive``, ``reprocess`` or ``close`` of entries; gives the last request's number, 0 for none.

    Entries in several slots of the journal are asked for one slot at a time.
    """
    return max((last for _, last in _left(context, request_type, ids, more)), default=0)


def request(
    context: Context,
    request_type: str,
    ids: Sequence[EntryId],
    *,
    sleep: Callable[[float], None] = time.sleep,
    **more: Any,
) -> tuple[int, bool]:
    """Ask as ``leave`` does, and wait a while for it.

    Gives the last request's number, and whether a running service has carried all of it out. ``sleep`` waits so many
    seconds.
    """
    left = _left(context, request_type, ids, more)
    deadline_s = context.clock.monotonic_s() + WAIT_S
    done = [_carried_out(context, part, last, deadline_s, sleep) for part, last in left]
    return max((last for _, last in left), default=0), all(done)


def _left(
    context: Context, request_type: str, ids: Sequence[EntryId], more: Mapping[str, Any]
) -> list[tuple[Journal, int]]:
    # The part of the journal that is in each slot, and the last request there.
    left: list[tuple[Journal, int]] = []
    for slot, of_slot in sorted(_by_slot(context.journal, ids).items()):
        part, last = context.journal.part(slot), 0
        with closing(part.requests(write=True)) as store:
            for at in range(0, len(of_slot), REQUEST_MAX):
                payload = {"callbacks": [entry_id.to_json() for entry_id in of_slot[at : at + REQUEST_MAX]], **more}
                last = store.add(request_type, context.clock.now_us(), payload)
        left.append((part, last))
    return left


def is_carried_out(context: Context, number: int, ids: Sequence[EntryId]) -> bool:
    """Whether the request with this number, about these entries, was carried out by whoever interprets their slot."""
    (slot, *_) = sorted(_by_slot(context.journal, ids[:1])) or [0]
    with closing(context.journal.part(slot).outbox()) as outbox:
        return outbox.progress("requests").number >= number


def _by_slot(journal: Journal, ids: Sequence[EntryId]) -> dict[int, list[EntryId]]:
    # One that never was is slot 0's to say so.
    with closing(journal.accounts()) as accounts:
        slots = accounts.slots_of(ids)
    found: dict[int, list[EntryId]] = {}
    for one in ids:
        found.setdefault(slots.get(one, 0), []).append(one)
    return found


def _carried_out(context: Context, part: Journal, last: int, deadline_s: float, sleep: Callable[[float], None]) -> bool:
    with closing(part.outbox()) as outbox:
        while outbox.progress("requests").number < last and context.clock.monotonic_s() < deadline_s:
            sleep(POLL_S)
        return outbox.progress("requests").number >= last
