"""Which process may interpret and publish what: slots and leases, as a port.

A journal is cut into *slots*, one where nobody asked for more. A slot is a part of the inbox with an order of its own:
its callbacks are interpreted by one process, and its records published by one, which both act for the *holder* of the
slot. Who takes a slot raises its *epoch*, and every commit to the outbox compares the epoch: a holder that was paused
for longer than its lease wakes up, tries to commit, and is ``Fenced``. So the lease, which goes by the clock of the
database, only decides who tries; a wrong clock makes a take-over late or needless and never does harm.

Record numbers stay dense within a slot and are unique over all of them: the slot stands in their high bits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

SLOT_SHIFT = 48
"""Bits of a record number below the slot: enough for a million events a second over nine years."""
SLOTS_MAX = 1 << 10
"""More than there can be processes to hold them, and few enough that no record number passes 2^58."""
RECONCILE, KEEPER = "reconcile", "keeper"
"""Leases by name: who asks providers' APIs, and who lets old rows go."""


def first_record(slot: int) -> int:
    """The number below a slot's first record: 0 for slot 0, so that a journal of one slot counts from 1."""
    return slot << SLOT_SHIFT


def slot_of_record(number: int) -> int:
    """The slot that a record belongs to."""
    return number >> SLOT_SHIFT


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot in somebody's hands, as the holder's children are told of it."""

    slot: int
    epoch: int
    """Raised with each holder: what was done under an older one does not count."""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease in somebody's hands."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class SlotState:
    """How a slot stands, for people, ``/readyz`` and metrics."""

    slot: int
    epoch: int
    holder: str | None
    """Who took it last; None where it was given up, or never taken."""
    lease_age_s: float | None
    """s since it was taken or renewed, by the journal's clock; None where nobody holds it."""
    inbox_to: int
    """Inbox number up to which it is interpreted."""
    requests_to: int
    last_record: int
    """``first_record(slot)`` where it has none."""


class Slots(Protocol):
    """Slots and leases of one journal; used by one thread at a time. All of it raises ``StoreFailed``.

    A holder is a text that no other process ever uses, such as a UUID made at its start. ``lease_s`` is how long, in s,
    a holder may be silent before another takes its place.
    """

    def take(self, holder: str, lease_s: float, held: Collection[int]) -> HeldSlot | None:
        """Take one slot that is free, or whose lease has run out, or that is our own and not among ``held``.

        None where there is none. What is our own, after a child was started again, comes first.
        """

    def renew(self, holder: str, held: HeldSlot) -> bool:
        """Say that we are there; False where the slot is another's by now, and will not come back."""

    def give_up(self, holder: str, held: HeldSlot) -> None:
        """Have it free for others at once; nothing happens where it is another's already."""

    def states(self) -> Sequence[SlotState]:
        """All slots, by number."""

    def workers(self, lease_s: float) -> int:
        """How many holders are alive, so that each can take an even share; those without a slot count not."""

    def take_lease(self, name: str, holder: str, lease_s: float) -> HeldLease | None:
        """Take a lease by name where it is free, has run out, or is our own; None where another holds it."""

    def renew_lease(self, holder: str, held: HeldLease) -> bool:
        """Say that we are there; False where it is another's by now."""

    def give_up_lease(self, holder: str, held: HeldLease) -> None:
        """Have it free for others at once."""

    def close(self) -> None:
        """Give the store back; what is held stays held."""


class OneSlot:
    """``Slots`` of an engine with one slot, whose journal is held as a whole: whoever has it open holds slot 0."""

    def __init__(self, state: SlotState) -> None:
        """``state`` is how slot 0 stands."""
        self._state = state

    def take(self, holder: str, lease_s: float, held: Collection[int]) -> HeldSlot | None:  # noqa: ARG002
        """Slot 0, unless we have it."""
        return None if 0 in held else HeldSlot(0, self._state.epoch)

    def renew(self, holder: str, held: HeldSlot) -> bool:  # noqa: ARG002
        """It cannot be taken away."""
        return held == HeldSlot(0, self._state.epoch)

    def give_up(self, holder: str, held: HeldSlot) -> None:
        """It is given up with the journal."""

    def states(self) -> Sequence[SlotState]:
        """The one there is."""
        return [self._state]

    def workers(self, lease_s: float) -> int:  # noqa: ARG002
        """Whoever has the journal."""
        return 1

    def take_lease(self, name: str, holder: str, lease_s: float) -> HeldLease | None:  # noqa: ARG002
        """It goes with the journal."""
        return HeldLease(name, 0)

    def renew_lease(self, holder: str, held: HeldLease) -> bool:  # noqa: ARG002
        """It cannot be taken away."""
        return True

    def give_up_lease(self, holder: str, held: HeldLease) -> None:
        """It is given up with the journal."""

    def close(self) -> None:
        """There is nothing to give back."""
