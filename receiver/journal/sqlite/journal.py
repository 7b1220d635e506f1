"""A journal in a folder: the handle through which its stores are opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.finder import Finder
from receiver.journal.indexer import Indexer
from receiver.journal.parts import NO_PARTS, NoParts
from receiver.journal.ports import InboxLimits
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sharing import CrewOfOne, OneSlotAccounts, SourceSlots, need_slot_0
from receiver.journal.slots import HeldSlot, OneSlot, SlotState
from receiver.journal.sqlite import audit, erase
from receiver.journal.sqlite.folder import STORES, journal_id_of, make_or_check
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.index_postings import SqlitePostings
from receiver.journal.sqlite.index_writer import SqlitePostingsWriter
from receiver.journal.sqlite.marks import FileMarks
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.rejects import SqliteRejects
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.journal.sqlite.seals import rekey
from receiver.journal.sqlite.search import SqliteSearch
from receiver.journal.sqlite.take_over import SqliteTakeOver
from receiver.journal.sqlite.watchlist import SqliteWatchlist
from receiver.model.errors import JournalError


def open_journal(folder: Path, ring: Keyring = NO_KEYS) -> SqliteJournal:
    """Make the journal if there is none, else check that its stores fit; one of an older format is brought to ours.

    Raises ``JournalError`` and ``StoreFailed``. The caller holds the folder's lock.
    """
    return SqliteJournal(folder, make_or_check(folder, ring), ring)


def journal_in(folder: Path, ring: Keyring = NO_KEYS) -> SqliteJournal:
    """The journal that is in a folder, for who reads it; raises ``JournalError`` where there is none yet."""
    if not (folder / "outbox.db").exists():
        raise JournalError(f"there is no journal in {folder} yet; `receiver serve` or `receiver dev` makes it")
    return SqliteJournal(folder, journal_id_of(folder, ring), ring)


@dataclass(frozen=True, slots=True)
class SqliteJournal:
    """``handle.Journal`` in a folder of files."""

    folder: Path
    journal_id: str
    ring: Keyring = NO_KEYS
    """What seals and opens; its stores share it."""

    @property
    def held(self) -> HeldSlot | None:
        """The folder's lock says who holds it."""
        return None

    def slots(self) -> OneSlot:
        """One, which whoever holds the folder holds."""
        with closing(self.outbox()) as outbox:
            done = {store: outbox.progress(store).number for store in ("inbox", "requests")}
            return OneSlot(
                SlotState(0, 0, str(self.folder), 0.0, done["inbox"], done["requests"], outbox.last_number())
            )

    def part(self, slot: int) -> SqliteJournal:
        """All of it; raises ``JournalError`` for another slot than 0."""
        need_slot_0(slot)
        return self

    def crew(self) -> CrewOfOne:
        """Whoever has it."""
        return CrewOfOne()

    def accounts(self) -> OneSlotAccounts:
        """All are in the one slot."""
        return OneSlotAccounts()

    def adopt(self) -> None:
        """Numbers are given by the journal itself, and always rise."""

    def inbox_writer(self, limits: InboxLimits, slot_of: SourceSlots | None = None) -> SqliteInbox:
        """The inbox, to append to; called in a running event loop."""
        del slot_of
        return SqliteInbox(self.folder, limits, ring=self.ring)

    def inbox(self) -> SqliteInboxReader:
        """The inbox, to read."""
        return SqliteInboxReader(self.folder, self.ring)

    def parts(self) -> NoParts:
        """All callbacks are in one place."""
        return NO_PARTS

    def requests(self, *, write: bool = False) -> SqliteRequests:
        """The requests."""
        return SqliteRequests.open(self.folder, self.ring, read_only=not write)

    def outbox(self, *, write: bool = False) -> SqliteOutbox:
        """The outbox."""
        return SqliteOutbox.open(self.folder, self.ring, read_only=not write)

    def search(self) -> SqliteSearch:
        """What people look up."""
        return SqliteSearch(self.folder, self.ring)

    def index(self) -> Finder:
        """What people find events by."""
        return Finder(self, SqlitePostings(self.folder, self.journal_id, self.ring))

    def index_writer(self, mask_body: Callable[[bytes], bytes]) -> Indexer:
        """What makes the index."""
        return Indexer(self, SqlitePostingsWriter(self.folder, self.journal_id, self.ring), mask_body)

    def watchlist(self) -> SqliteWatchlist:
        """What reconcile remembers."""
        return SqliteWatchlist(self.folder, self.ring)

    def rejects(self, *, write: bool = False) -> SqliteRejects:
        """The sample of refused callbacks."""
        return SqliteRejects(self.folder, self.ring, read_only=not write)

    def marks(self) -> FileMarks:
        """What outlives an interpreting process."""
        return FileMarks(self.folder)

    def take_over(self) -> SqliteTakeOver:
        """The outbox, to be changed by hand."""
        return SqliteTakeOver(self.folder, self.ring)

    def check(self) -> list[str]:
        """All that is wrong with it."""
        return audit.check(self.folder, self.ring)

    def stats(self) -> Mapping[str, Any]:
        """Figures."""
        return audit.stats(self.folder, self.ring)

    def backup(self, target: Path) -> Mapping[Path, int]:
        """Copy it consistently to an empty folder."""
        return {copy: copy.stat().st_size for copy in audit.backup(self.folder, target, self.ring)}

    def erase(self, erasure: Erasure, act: Erased) -> list[str]:
        """Destroy what it names, and keep the act."""
        return erase.erase(self.folder, self.ring, erasure, act)

    def erasures(self) -> list[Erased]:
        """What was erased so far."""
        return erase.acts(self.folder)

    def use_keys(self, keys: Keyring) -> None:
        """Go on with other keys, if they open all that is there; raises ``JournalError`` and keeps those it has."""
        journal_id_of(self.folder, keys)
        self.ring.take(keys)

    def rekey(self) -> Mapping[str, int]:
        """Wrap all data keys under the first key; gives how many were under which other one."""
        changed = Counter[str]()
        for store in (*STORES, "rejects"):
            if (self.folder / f"{store}.db").exists():
                changed.update(rekey(self.folder / f"{store}.db", store, self.ring))
        return dict(changed)
