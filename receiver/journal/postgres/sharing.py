"""Who works on a journal in a database, and whose callbacks are in which of its slots."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sharing import LOOSE_MAX, Assigned
from receiver.journal.slots import SLOTS_MAX, first_record
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError

SQL = named_queries("sharing")


@dataclass(frozen=True, slots=True)
class FixedSlot:
    """``sharing.SourceSlots`` of who writes into one slot."""

    slot: int

    def __call__(self, source: str) -> int:
        """The same for all."""
        del source
        return self.slot

    def renew(self) -> None:
        """It stays."""


def adopt(database: Database, lease_s: float) -> int | None:
    """Raise the era so far that new inbox numbers are above all that are there; None where they are already.

    Raises ``JournalError`` where a worker is there, ``StoreFailed``.
    """
    with database.transaction():
        database.execute(SQL["stop_appends"])
        if int(database.one(SQL["present"], lease_s)):
            raise JournalError("a worker runs on the journal: stop all services first")
        found = database.one(SQL["adopt"])
        return None if found is None else int(found)


class PostgresCrew:
    """``sharing.Crew``; to be used by one thread at a time."""

    def __init__(self, address: Address) -> None:
        self._db = Database(address, "crew", address.options.commit_timeout_s)

    def attend(self, holder: str, lease_s: float) -> int:
        """Say that this worker is there; gives how many are, by the database's clock."""
        self._db.rows(SQL["attend"], holder)
        return int(self._db.one(SQL["present"], lease_s))

    def leave(self, holder: str) -> None:
        """Say that this worker goes."""
        self._db.rows(SQL["leave"], holder)

    def horizon(self) -> tuple[int, int]:
        """(the oldest transaction of the server that is open, the next one to begin)."""
        oldest, following = self._db.rows(SQL["horizon"])[0]
        return int(oldest), int(following)

    def in_no_part(self) -> int:
        """Callbacks above the end of the last part."""
        return int(self._db.one(SQL["in_no_part"], LOOSE_MAX))

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()


class PostgresAccounts:
    """``sharing.Accounts``; to be used by one thread at a time."""

    def __init__(self, address: Address) -> None:
        self._db = Database(address, "accounts", address.options.commit_timeout_s)

    def slot_of(self, provider: str, account: str) -> int:
        """The account's slot, given now where it has none."""
        slot = self._db.one(SQL["slot_of"], provider, account)
        if slot is None:
            with self._db.transaction():
                self._db.execute(SQL["alone"])
                self._db.rows(SQL["assign"], provider, account)
                slot = self._db.one(SQL["slot_of"], provider, account)
        return int(slot)

    def assigned(self) -> Sequence[Assigned]:
        """All of them, by provider and account."""
        return [Assigned(*row) for row in self._db.rows(SQL["assigned"])]

    def slots_of(self, ids: Collection[EntryId]) -> dict[EntryId, int]:
        """The slot of each, where it was interpreted or is kept."""
        found: dict[EntryId, int] = {}
        for store in ("inbox", "requests"):
            numbers = [one.number for one in ids if one.store == store]
            for number, slot in self._db.rows(SQL[f"slots_of_{store}"], numbers):
                found[EntryId(store, int(number))] = int(slot)
        return found

    def move(self, provider: str, account: str, slot: int) -> None:
        """Have the account's callbacks in another slot; raises ``JournalError`` while its old slot is behind."""
        with self._db.transaction():
            self._db.execute(SQL["stop_appends"])
            before = self._db.one(SQL["slot_of"], provider, account)
            if before is None:
                raise JournalError(f"no callbacks of {provider} account {account or '(none)'} came yet: it has no slot")
            if slot >= SLOTS_MAX or self._db.one(SQL["is_slot"], slot) is None:
                raise JournalError(f"the journal has no slot {slot}; `receiver journal slots` adds some")
            if self._db.one(SQL["uninterpreted"], before):
                raise JournalError(f"slot {before} is not interpreted to its end: nothing was moved; try again")
            if self._db.one(SQL["unpublished"], before):
                raise JournalError(f"slot {before} has events that are not on Kafka: nothing was moved; try again")
            self._db.rows(SQL["move"], provider, account, slot)
            self._db.rows(SQL["next_era"])

    def add_slots(self, count: int) -> int:
        """Have ``count`` slots at least; gives how many there are."""
        if not 1 <= count <= SLOTS_MAX:
            raise JournalError(f"a journal has from 1 to {SLOTS_MAX} slots, not {count}")
        with self._db.transaction():
            for slot in range(count):
                self._db.rows(SQL["add_slot"], slot, first_record(slot))
        return int(self._db.one(SQL["count_slots"]))

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
