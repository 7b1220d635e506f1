"""Slots and leases on PostgreSQL: rows with an epoch, and a lease by the database's clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.journal.slots import HeldLease, HeldSlot, SlotState

SQL = named_queries("slots")


class PostgresSlots:
    """``slots.Slots``; to be used by one thread at a time."""

    def __init__(self, address: Address) -> None:
        self._db = Database(address, "slots", address.options.commit_timeout_s)

    def take(self, holder: str, lease_s: float, held: Collection[int]) -> HeldSlot | None:
        """Take one slot that is free, has run out, or is our own."""
        return next((HeldSlot(*row) for row in self._db.rows(SQL["take"], holder, lease_s, list(held))), None)

    def renew(self, holder: str, held: HeldSlot) -> bool:
        """Say that we are there; False where it is lost."""
        return bool(self._db.rows(SQL["renew"], held.slot, held.epoch, holder))

    def give_up(self, holder: str, held: HeldSlot) -> None:
        """Have it free for others at once."""
        self._db.rows(SQL["give_up"], held.slot, held.epoch, holder)

    def states(self) -> Sequence[SlotState]:
        """All slots, by number."""
        return [SlotState(*row) for row in self._db.rows(SQL["states"])]

    def workers(self, lease_s: float) -> int:
        """How many holders of slots are alive."""
        return int(self._db.one(SQL["workers"], lease_s))

    def take_lease(self, name: str, holder: str, lease_s: float) -> HeldLease | None:
        """Take a lease by name."""
        self._db.rows(SQL["make_lease"], name)
        rows = self._db.rows(SQL["take_lease"], name, holder, lease_s)
        return next((HeldLease(name, int(row[0])) for row in rows), None)

    def renew_lease(self, holder: str, held: HeldLease) -> bool:
        """Say that we are there; False where it is lost."""
        return bool(self._db.rows(SQL["renew_lease"], held.name, held.epoch, holder))

    def give_up_lease(self, holder: str, held: HeldLease) -> None:
        """Have it free for others at once."""
        self._db.rows(SQL["give_up_lease"], held.name, held.epoch, holder)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
