"""What reconcile remembers between two looks: which operations it asks about, and what it was told last. A port.

A row is open from the moment an operation is heard of until the provider's API itself calls it terminal. A callback
that calls it terminal only makes it due: a replay could, and amounts are corrected late by
one provider at least, so the API has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from receiver.model.callback import Resource

NEVER_US = 2**62
"""Due at no time of its own: a scan finds it, or makes it due."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One operation that reconcile asks about. Times are Unix microseconds."""

    source: str
    operation_id: str
    since_us: int
    """When it was first heard of."""
    due_us: int
    """When it is asked for next, ``NEVER_US`` where a scan looks after it."""
    state: str = "open"
    """``open``, ``closed`` (the API called it terminal), or ``given_up`` (the API does not know it)."""
    asked_us: int = 0
    """When the API answered last; 0: never."""
    failures: int = 0
    """Since its last answer."""
    why: str = ""
    """Of the last failure, in our words."""


@dataclass(frozen=True, slots=True)
class WatchUpdate:
    """What the outbox says of an operation that can be asked for: it begins, changes, or ends a watch."""

    source: str
    operation_id: str
    at_us: int
    due_us: int | None
    """When to ask; None: not at all, and whatever was watched is over."""
    reopen: bool = False
    """Whether an operation that the API called terminal is asked for again."""


class Watchlist(Protocol):
    """The store; used by one thread at a time. Raises ``StoreFailed``."""

    def outbox_read_to(self) -> int:
        """The outbox number up to which records were looked at."""

    def apply(self, updates: Sequence[WatchUpdate], up_to: int) -> None:
        """Take what was found in outbox records up to number ``up_to``, in one commit."""

    def track(self, source: str, operation_id: str, now_us: int) -> None:
        """Watch an operation from now on, and ask at once."""

    def due(self, source: str, now_us: int, limit: int) -> list[Watched]:
        """Open operations that are due, those that failed least first; ``now_us`` of ``NEVER_US`` gives all."""

    def open_ids(self, source: str) -> set[str]:
        """All open operations of a source."""

    def answered(self, source: str, resource: Resource, *, now_us: int, due_us: int, after: int) -> bool:
        """Keep an answer as a request, unless it says what the last one said; whether it was kept. One commit."""

    def failed(self, one: Watched, why: str, due_us: int, *, give_up: bool) -> None:
        """Note that there was no usable answer."""

    def discover(self, source: str, operation_ids: Sequence[str], now_us: int) -> int:
        """Watch those that are not known yet, and ask for them at once; how many there were."""

    def make_due(self, source: str, operation_ids: Sequence[str], now_us: int) -> None:
        """Ask for these at once; those that are not watched yet are from now on."""

    def scanned_us(self, source: str, scan: str) -> int:
        """When a scan was last begun that was read whole; 0: never."""

    def scanned(self, source: str, scan: str, at_us: int) -> None:
        """Note that a scan that was begun at this time was read whole."""

    def next_nonce(self, key: str, now_ms: int) -> int:
        """The next nonce of an API key: now, and always higher than any before it."""

    def counts(self, source: str, overdue_before_us: int) -> tuple[int, int]:
        """(open operations, those of them that were first heard of before a time)."""

    def listed(self, limit: int) -> list[Watched]:
        """Those that are not closed, the oldest first."""

    def forget_closed(self, before_us: int) -> None:
        """Forget operations that were over before a time: their answers are known to the outbox."""

    def old_answers(self, before_us: int, interpreted: int, limit: int) -> list[int]:
        """Request numbers of answers from before a time, up to the number that is interpreted, ascending."""

    def purge_answers(self, numbers: Sequence[int]) -> None:
        """Delete these answers."""

    def close(self) -> None:
        """Give it back."""
