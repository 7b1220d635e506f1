"""Making the index of a journal: in steps, as a process at low priority does, or all of it at once for a person."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial

from receiver.journal.handle import Journal
from receiver.journal.index import Indexed
from receiver.model.clock import Clock
from receiver.model.masked_body import mask_body
from receiver.operate.context import Context
from receiver.providers.registry import body_fields

TIDY_S = 600.0


class IndexFollower:
    """Follows the outbox for the index, in steps. To be used by one thread, which its stores belong to."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Open or make the index; raises ``StoreFailed``."""
        self._writer = journal.index_writer(partial(mask_body, fields=body_fields()))
        self._clock = clock
        self._tidy_s = clock.monotonic_s()

    def step(self) -> bool:
        """Index the next records, and every ``TIDY_S`` take out what was purged; whether there may be more to do.

        Raises ``StoreFailed``: the next step tries again, and makes anew what turned out to be damaged.
        """
        more = self._writer.step()
        if not more and self._clock.monotonic_s() >= self._tidy_s:
            more = self._writer.tidy(self._clock.now_us())
            if not more:
                self._tidy_s = self._clock.monotonic_s() + TIDY_S
        return more

    def close(self) -> None:
        """Give it back."""
        self._writer.close()


def clear_index(context: Context) -> None:
    """Have an empty index; raises ``StoreFailed``."""
    with closing(context.journal.index_writer(partial(mask_body, fields=body_fields()))) as writer:
        writer.clear()


def make_index(context: Context, told: Callable[[Indexed], None]) -> Indexed:
    """Index all there is, or go on where it was left; ``told`` hears after each step how far it is."""
    with closing(IndexFollower(context.journal, context.clock)) as follower, closing(context.journal.index()) as index:
        while follower.step():
            told(index.indexed())
        return index.indexed()
