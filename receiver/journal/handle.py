"""A journal as one thing: a handle that opens its stores, so that nobody else knows an engine, a folder or a driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.index import Index, IndexWriter
from receiver.journal.parts import Parts
from receiver.journal.ports import (
    Inbox,
    InboxLimits,
    InboxReader,
    Marks,
    Outbox,
    Rejects,
    Requests,
    TakeOver,
)
from receiver.journal.sealed import Keyring
from receiver.journal.search import Search
from receiver.journal.sharing import Accounts, Crew, SourceSlots
from receiver.journal.slots import HeldSlot, Slots
from receiver.journal.watchlist import Watchlist


class Journal(Protocol):
    """One journal that is there and fits. Each call opens a store of its own, which the caller closes.

    All of them raise ``JournalError`` where the journal is not whole or of a newer format, and ``StoreFailed``.
    """

    @property
    def journal_id(self) -> str:
        """A UUID that was made with it."""

    @property
    def held(self) -> HeldSlot | None:
        """The slot that this handle acts for: its inbox, requests and outbox are that slot's, and fenced by its epoch.

        None for a reader, who sees all slots merged, and where an engine has no slots to tell apart.
        """

    def slots(self) -> Slots:
        """Who holds what."""

    def part(self, slot: int) -> Journal:
        """What is in one slot of it, to read, to ask its interpreter for work, and to mend; it holds nothing."""

    def crew(self) -> Crew:
        """Who works on it."""

    def accounts(self) -> Accounts:
        """Which account's callbacks are in which slot."""

    def adopt(self) -> int | None:
        """Have inbox numbers rise again where a copy of the database gives them anew; None where they rise.

        Gives the new era. Raises ``JournalError`` where a worker is there, ``StoreFailed``.
        """

    def inbox_writer(self, limits: InboxLimits, slot_of: SourceSlots | None = None) -> Inbox:
        """The inbox, to append to; called in a running event loop, by a process that takes callbacks.

        ``slot_of`` gives the slot of a source's callbacks, where they are not all in one.
        """

    def inbox(self) -> InboxReader:
        """The inbox, to read."""

    def parts(self) -> Parts:
        """The inbox's parts, to make and to drop."""

    def requests(self, *, write: bool = False) -> Requests:
        """The requests."""

    def outbox(self, *, write: bool = False) -> Outbox:
        """The outbox."""

    def search(self) -> Search:
        """What people look up."""

    def index(self) -> Index:
        """What people find events by; where there is no index, the newest records are looked through instead."""

    def index_writer(self, mask_body: Callable[[bytes], bytes]) -> IndexWriter:
        """What makes the index; ``mask_body`` gives a callback's body without card numbers."""

    def watchlist(self) -> Watchlist:
        """What reconcile remembers."""

    def rejects(self, *, write: bool = False) -> Rejects:
        """The sample of refused callbacks; to read, it raises ``NothingRefused`` where there is none yet."""

    def marks(self) -> Marks:
        """What outlives an interpreting process."""

    def take_over(self) -> TakeOver:
        """The outbox, to be changed by hand."""

    def check(self) -> list[str]:
        """All that is wrong with it, a sentence each; raises ``JournalError`` where it cannot even be read."""

    def stats(self) -> Mapping[str, Any]:
        """Figures: counts, sizes in bytes, how far it is read and published."""

    def erase(self, erasure: Erasure, act: Erased) -> list[str]:
        """Destroy what it names, and keep the act; also beside a running service, and safe to repeat.

        Gives the names of stores where the bytes stand in a log a while longer. Raises ``JournalError``,
        ``StoreFailed``.
        """

    def erasures(self) -> list[Erased]:
        """What was erased so far, in order."""

    def use_keys(self, keys: Keyring) -> None:
        """Go on with other keys, in all stores that are open; raises ``JournalError`` where they do not open it all."""

    def rekey(self) -> Mapping[str, int]:
        """Have all that is sealed open by the first key alone; gives each other key's id and how many needed it.

        A running service must know the first key by then. Raises ``JournalError``, ``StoreFailed``.
        """

    def backup(self, target: Path) -> Mapping[Path, int]:
        """Copy it consistently to an empty folder, also while a service runs; gives each file and its bytes."""
