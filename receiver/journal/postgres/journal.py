"""A journal in a database: the handle through which its stores are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.finder import Finder
from receiver.journal.indexer import Indexer, SlotIndexers
from receiver.journal.ports import InboxLimits
from receiver.journal.postgres import audit, erase, schema
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox import PostgresInboxReader
from receiver.journal.postgres.inbox_writer import PostgresInbox
from receiver.journal.postgres.index_postings import PostgresPostings
from receiver.journal.postgres.index_writer import PostgresPostingsWriter, forget_in_index
from receiver.journal.postgres.marks import PostgresMarks
from receiver.journal.postgres.outbox import PostgresOutbox
from receiver.journal.postgres.parts import PostgresParts
from receiver.journal.postgres.rejects import PostgresRejects
from receiver.journal.postgres.requests import PostgresRequests
from receiver.journal.postgres.seals import need_keys, rekey
from receiver.journal.postgres.search import PostgresSearch
from receiver.journal.postgres.sharing import FixedSlot, PostgresAccounts, PostgresCrew, adopt
from receiver.journal.postgres.slots import PostgresSlots
from receiver.journal.postgres.take_over import PostgresTakeOver
from receiver.journal.postgres.watchlist import PostgresWatchlist
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sharing import SourceSlots
from receiver.journal.slots import HeldSlot
from receiver.model.errors import JournalError


def find_journal(address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> PostgresJournal:
    """The journal that is there; raises ``JournalError`` where there is none yet, ``StoreFailed``. Changes nothing."""
    with closing(Database(address, "journal")) as database:
        found = schema.find(database)
        need_keys(database, ring)
        return PostgresJournal(address, found, ring, held)


def is_there(address: Address) -> bool:
    """Whether ``find_journal`` would find one of whatever format; raises ``StoreFailed`` where nobody answers."""
    with closing(Database(address, "journal")) as database:
        return schema.is_there(database)


NOBODYS = -1
"""The epoch of a part that nobody holds: no slot has it, so that no commit to the outbox goes through."""


@dataclass(frozen=True, slots=True)
class PostgresJournal:
    """``handle.Journal`` in a schema of a database."""

    address: Address
    journal_id: str
    ring: Keyring = NO_KEYS
    """What seals and opens; its stores share it."""
    held: HeldSlot | None = None

    def slots(self) -> PostgresSlots:
        """Who holds what."""
        return PostgresSlots(self.address)

    def part(self, slot: int) -> PostgresJournal:
        """What is in one slot; raises ``JournalError`` where there is no such slot, ``StoreFailed``."""
        if slot not in self._slot_numbers():
            raise JournalError(f"the journal has no slot {slot}; `receiver journal slots` adds some")
        return replace(self, held=HeldSlot(slot, NOBODYS))

    def crew(self) -> PostgresCrew:
        """Who works on it."""
        return PostgresCrew(self.address)

    def accounts(self) -> PostgresAccounts:
        """Which account's callbacks are in which slot."""
        return PostgresAccounts(self.address)

    def adopt(self) -> int | None:
        """Have inbox numbers rise again."""
        with self._asking() as database:
            return adopt(database, self.address.options.lease_s)

    def inbox_writer(self, limits: InboxLimits, slot_of: SourceSlots | None = None) -> PostgresInbox:
        """The inbox, to append to; called in a running event loop, by any number of processes."""
        return PostgresInbox(self.address, limits, self.ring, slot_of or FixedSlot(self.held.slot if self.held else 0))

    def inbox(self) -> PostgresInboxReader:
        """The inbox, to read."""
        return PostgresInboxReader(self.address, self.ring, self.held)

    def parts(self) -> PostgresParts:
        """The inbox's parts, to make and to drop."""
        return PostgresParts(self.address)

    def requests(self, *, write: bool = False) -> PostgresRequests:
        """The requests."""
        del write
        return PostgresRequests(self.address, self.ring, self.held)

    def outbox(self, *, write: bool = False) -> PostgresOutbox:
        """The outbox."""
        del write
        return PostgresOutbox(self.address, self.ring, self.held)

    def search(self) -> PostgresSearch:
        """What people look up."""
        return PostgresSearch(self.address, self.ring)

    def index(self) -> Finder:
        """What people find events by."""
        return Finder(self, PostgresPostings(self.address, self.journal_id, self.ring))

    def index_writer(self, mask_body: Callable[[bytes], bytes]) -> SlotIndexers:
        """What makes the index, of all slots."""

        def of_slot(slot: int) -> Indexer:
            postings = PostgresPostingsWriter(self.address, self.journal_id, self.ring, slot)
            return Indexer(replace(self, held=HeldSlot(slot, NOBODYS)), postings, mask_body)

        return SlotIndexers(self._slot_numbers, of_slot)

    def _slot_numbers(self) -> list[int]:
        with closing(self.slots()) as slots:
            return [state.slot for state in slots.states()]

    def watchlist(self) -> PostgresWatchlist:
        """What reconcile remembers."""
        return PostgresWatchlist(self.address, self.ring, self.held)

    def rejects(self, *, write: bool = False) -> PostgresRejects:
        """The sample of refused callbacks."""
        return PostgresRejects(self.address, self.ring, write=write)

    def marks(self) -> PostgresMarks:
        """What outlives an interpreting process."""
        return PostgresMarks(self.address, self.held)

    def take_over(self) -> PostgresTakeOver:
        """The outbox, to be changed by hand."""
        return PostgresTakeOver(self.address, self.ring, self.held)

    def check(self) -> list[str]:
        """All that is wrong with it."""
        with self._asking() as database:
            need_keys(database, self.ring)
            return audit.check(database, self.ring)

    def stats(self) -> Mapping[str, Any]:
        """Figures."""
        with self._asking() as database:
            return audit.stats(database, self.journal_id)

    def backup(self, target: Path) -> Mapping[Path, int]:
        """Refused: whoever runs the database has better ways."""
        raise JournalError(
            f"nothing was copied to {target}: back the database up with its own pg_basebackup, which also restores to "
            f"a point in time, or with pg_dump --schema={self.address.schema}"
        )

    def erase(self, erasure: Erasure, act: Erased) -> list[str]:
        """Destroy what it names, and keep the act."""
        with self._asking() as database:
            left = erase.erase(database, self.ring, erasure, act)
        forget_in_index(self.address, self.journal_id, self.ring, erasure.records)
        return left

    def erasures(self) -> list[Erased]:
        """What was erased so far."""
        with self._asking() as database:
            return erase.acts(database)

    def use_keys(self, keys: Keyring) -> None:
        """Go on with other keys, if they open all that is there; raises ``JournalError`` and keeps those it has."""
        with self._asking() as database:
            need_keys(database, keys)
        self.ring.take(keys)

    def rekey(self) -> Mapping[str, int]:
        """Wrap all data keys under the first key; gives how many were under which other one."""
        with self._asking() as database:
            return rekey(database, self.ring)

    def _asking(self) -> closing[Database]:
        return closing(Database(self.address, "command", timeout_s=None))
