"""How several workers share a journal: who of them is there, and whose callbacks are in which slot. Ports.

All that is known of one account of a provider is in one slot, so that an operation never crosses two of them: the slot
is chosen before anybody looks at a body. An account gets its slot once, and keeps it until a person moves it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from receiver.model.callback import EntryId
from receiver.model.errors import JournalError

LOOSE_MAX = 100_000
"""Callbacks that are in no part, above which nobody counts how many more there are."""
ONE_SLOT = "a journal in a folder has one slot; several need a journal on PostgreSQL"


@dataclass(frozen=True, slots=True)
class Assigned:
    """An account and the slot that its callbacks are in."""

    provider: str
    account: str
    """Empty where the provider has none."""
    slot: int


class Crew(Protocol):
    """The workers of one journal, those without a slot too; used by one thread at a time. Raises ``StoreFailed``."""

    def attend(self, holder: str, lease_s: float) -> int:
        """Say that this worker is there; gives how many were within ``lease_s``, in s, this one among them."""

    def leave(self, holder: str) -> None:
        """Say that this worker goes, so that the others need not wait to share what it had."""

    def horizon(self) -> tuple[int, int]:
        """(the oldest transaction that is open, the next one to begin); equal where none is open.

        While the first stands still and the second does not, callbacks that were answered may have to wait to be read.
        """

    def in_no_part(self) -> int:
        """How many callbacks came after the last part of the inbox that was made was full, counted to ``LOOSE_MAX``.

        There are some only where nobody makes the next parts: nothing is lost, and they are harder to let go again.
        """

    def close(self) -> None:
        """Give it back."""


class Accounts(Protocol):
    """Which account is in which slot; used by one thread at a time. Raises ``StoreFailed``."""

    def slot_of(self, provider: str, account: str) -> int:
        """The account's slot; an account that has none yet gets the one with the fewest accounts."""

    def assigned(self) -> Sequence[Assigned]:
        """All of them, by provider and account."""

    def slots_of(self, ids: Collection[EntryId]) -> dict[EntryId, int]:
        """The slot that each entry of the journal is in; an entry that never was is left out."""

    def move(self, provider: str, account: str, slot: int) -> None:
        """Have the account's callbacks in another slot from now on.

        Raises ``JournalError`` where there is no such account or slot, and while anything of the account's old slot is
        not interpreted yet: an operation's next callback must not overtake the one before.
        """

    def add_slots(self, count: int) -> int:
        """Have ``count`` slots, those that are there among them; gives how many there are now, never fewer than before.

        Raises ``JournalError`` for more than ``slots.SLOTS_MAX``.
        """

    def close(self) -> None:
        """Give it back."""


class SourceSlots(Protocol):
    """In which slot each source's callbacks are, as a process that takes callbacks knows it."""

    def __call__(self, source: str) -> int:
        """The slot of a source that is configured; it asks nobody."""

    def renew(self) -> None:
        """Ask again, since an account may have been moved; raises ``StoreFailed``."""


def need_slot_0(slot: int) -> None:
    """Raise ``JournalError`` for a slot that an engine with one slot does not have."""
    if slot != 0:
        raise JournalError(f"there is no slot {slot}: {ONE_SLOT}")


class CrewOfOne:
    """``Crew`` of an engine whose journal is held as a whole."""

    def attend(self, holder: str, lease_s: float) -> int:  # noqa: ARG002
        """Nobody else can be there."""
        return 1

    def leave(self, holder: str) -> None:
        """Nobody waits for it."""

    def horizon(self) -> tuple[int, int]:
        """There is one writer, and a reader sees what it committed."""
        return 0, 0

    def in_no_part(self) -> int:
        """It has no parts."""
        return 0

    def close(self) -> None:
        """There is nothing to give back."""


class OneSlotAccounts:
    """``Accounts`` of an engine with one slot."""

    def slot_of(self, provider: str, account: str) -> int:  # noqa: ARG002
        """The only one."""
        return 0

    def assigned(self) -> Sequence[Assigned]:
        """Nobody is apart from the others."""
        return []

    def slots_of(self, ids: Collection[EntryId]) -> dict[EntryId, int]:
        """All in the only one."""
        return dict.fromkeys(ids, 0)

    def move(self, provider: str, account: str, slot: int) -> None:  # noqa: ARG002
        """There is nowhere to move to; raises ``JournalError``."""
        raise JournalError(ONE_SLOT)

    def add_slots(self, count: int) -> int:
        """One is all there can be; raises ``JournalError`` for more."""
        if count > 1:
            raise JournalError(ONE_SLOT)
        return 1

    def close(self) -> None:
        """There is nothing to give back."""
