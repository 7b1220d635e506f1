"""Putting exported or captured callbacks into a journal, with their times of receipt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from receiver.journal.entries import open_stores
from receiver.journal.ports import InboxLimits
from receiver.model.callback import RawCallback, VerifiedCallback
from receiver.model.errors import ReceiverError
from receiver.operate.archive import read_any
from receiver.operate.context import Context, make_interpreter
from receiver.providers.contract import Sources, refusal

STEP = 500
"""Callbacks on their way to the inbox at once."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Callbacks that may be imported."""

    callbacks: Sequence[VerifiedCallback]
    unverified: int
    """Taken on the caller's word."""


def read_and_check(sources: Sources, text: str, source: str | None, now_us: int, *, trust: bool) -> Checked:
    """Read an export or a capture, and look at every line before the first is kept; raises ``ReceiverError``.

    Signatures are checked again as of the time of receipt; a line that cannot be verified needs ``trust``. ``source``
    and ``now_us`` (Unix microseconds) stand for what a capture does not say.
    """
    lines = list(read_any(text, source, now_us))
    unverified = [number for number, callback, masked in lines if masked or not _verifies(sources, callback)]
    if unverified and not trust:
        raise ReceiverError(
            f"{len(unverified)} of {len(lines)} callbacks cannot be verified, the first is number {unverified[0]} "
            "(masked, unknown source, or a secret that is not configured); --trust takes them all the same"
        )
    unknown = sorted({callback.source for _, callback, _ in lines} - set(sources))
    if unknown:
        raise ReceiverError(f"these sources are not configured here: {', '.join(unknown)}")
    return Checked([callback for _, callback, _ in lines], len(unverified))


def _verifies(sources: Sources, callback: VerifiedCallback) -> bool:
    if callback.source not in sources:
        return False
    provider, source = sources[callback.source]
    raw = RawCallback(callback.source, callback.received_at_us, callback.headers, callback.body)
    return refusal(provider, source, raw) is None


async def import_callbacks(
    context: Context, checked: Checked, *, publish: bool, advance: Callable[[int], None]
) -> Counter[str]:
    """Put them into a journal that nothing else runs on, and interpret them; gives what became of how many.

    ``publish``: whether their events go to Kafka; else they count as published already.
    """
    _interpret(context, publish=True)
    inbox = context.journal.inbox_writer(InboxLimits())
    try:
        for at in range(0, len(checked.callbacks), STEP):
            step = checked.callbacks[at : at + STEP]
            await asyncio.gather(*map(inbox.append, step))
            advance(len(step))
    finally:
        await asyncio.to_thread(inbox.close)
    return _interpret(context, publish=publish)


def _interpret(context: Context, *, publish: bool) -> Counter[str]:
    with open_stores(context.journal, write=True) as stores:
        interpreter = make_interpreter(context, stores, publish=publish)
        before = interpreter.interpreted
        while interpreter.step():
            pass
        became: Counter[str] = Counter()
        while ages := stores.inbox.ages(before, STEP):  # numbers may have gaps, and large ones
            outcomes = stores.outbox.outcomes_between(ages[0][0], ages[-1][0])
            became.update(outcome.outcome for outcome in outcomes.values())
            before = ages[-1][0]
        return became
