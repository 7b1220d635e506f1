"""The handle of a journal in memory: whoever opens a store gets the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.finder import Finder
from receiver.journal.indexer import Indexer, refresh
from receiver.journal.memory.inbox import MemoryInbox
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.memory.postings import MemoryPostings
from receiver.journal.memory.requests import MemoryMarks, MemoryRejects, MemoryRequests
from receiver.journal.memory.search import MemorySearch
from receiver.journal.memory.watchlist import MemoryWatchlist
from receiver.journal.parts import NO_PARTS, NoParts
from receiver.journal.ports import InboxLimits
from receiver.journal.sealed import Keyring
from receiver.journal.sharing import CrewOfOne, OneSlotAccounts, SourceSlots, need_slot_0
from receiver.journal.slots import HeldSlot, OneSlot, SlotState
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError, NothingRefused


class MemoryJournal:
    """``handle.Journal``."""

    def __init__(self, journal_id: str = "00000000-0000-4000-8000-000000000000") -> None:
        self.journal_id = journal_id
        self._inbox = MemoryInbox()
        self._outbox = MemoryOutbox()
        self._requests = MemoryRequests()
        self._watchlist = MemoryWatchlist(self._requests)
        self._rejects: MemoryRejects | None = None
        self._marks = MemoryMarks()
        self._acts: list[Erased] = []
        self._postings = MemoryPostings(self._outbox)

    @property
    def held(self) -> HeldSlot | None:
        """Nobody else can have it."""
        return None

    def slots(self) -> OneSlot:
        """One, which whoever has the object holds."""
        done = {store: self._outbox.progress(store).number for store in ("inbox", "requests")}
        return OneSlot(SlotState(0, 0, "memory", 0.0, done["inbox"], done["requests"], self._outbox.last_number()))

    def part(self, slot: int) -> MemoryJournal:
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

    def inbox_writer(self, limits: InboxLimits, slot_of: SourceSlots | None = None) -> MemoryInbox:
        """The inbox; nothing limits it."""
        del limits, slot_of
        return self._inbox

    def inbox(self) -> MemoryInbox:
        """The inbox."""
        return self._inbox

    def parts(self) -> NoParts:
        """All callbacks are in one place."""
        return NO_PARTS

    def requests(self, *, write: bool = False) -> MemoryRequests:
        """The requests."""
        del write
        return self._requests

    def outbox(self, *, write: bool = False) -> MemoryOutbox:
        """The outbox."""
        del write
        return self._outbox

    def search(self) -> MemorySearch:
        """What people look up."""
        return MemorySearch(self._outbox)

    def index(self) -> Finder:
        """What people find events by."""
        return Finder(self, self._postings)

    def index_writer(self, mask_body: Callable[[bytes], bytes]) -> Indexer:
        """What makes the index."""
        self._postings.there = True
        return Indexer(self, self._postings, mask_body)

    def watchlist(self) -> MemoryWatchlist:
        """What reconcile remembers."""
        return self._watchlist

    def rejects(self, *, write: bool = False) -> MemoryRejects:
        """The sample of refused callbacks; to read, it raises ``NothingRefused`` where there is none yet."""
        if self._rejects is None and not write:
            raise NothingRefused("there are no rejects in memory: nothing was refused yet")
        self._rejects = self._rejects or MemoryRejects()
        return self._rejects

    def marks(self) -> MemoryMarks:
        """What outlives an interpreter."""
        return self._marks

    def take_over(self) -> MemoryOutbox:
        """The outbox, to be changed by hand."""
        return self._outbox

    def check(self) -> list[str]:
        """Callbacks that count as interpreted and became nothing."""
        interpreted, purged = self._outbox.progress("inbox").number, self._outbox.outcomes_purged_to
        numbers = [entry.number for entry in self._inbox.entries if purged < entry.number <= interpreted]
        return [
            f"callback {number} counts as interpreted, and became nothing"
            for number in numbers
            if EntryId("inbox", number) not in self._outbox.outcomes
        ]

    def stats(self) -> Mapping[str, Any]:
        """Figures, without sizes."""
        latest = self._outbox.latest_remembered()
        outcomes = Counter(outcome.outcome for outcome in self._outbox.outcomes.values())
        return {
            "journal": self.journal_id,
            "callbacks": len(self._inbox.entries),
            "last_callback": self._inbox.last_number(),
            "interpreted_to": self._outbox.progress("inbox").number,
            "records": len(self._outbox.records),
            "last_record": self._outbox.last_number(),
            "published_to": latest[1].number if latest else 0,
            "operations": len(self._outbox.known),
            "contents": sum(len(operation.seen) for operation in self._outbox.known.values()),
            "indexed_to": self._postings.indexed_to() or 0,
            **{f"outcome_{name}": count for name, count in outcomes.items()},
        }

    def erase(self, erasure: Erasure, act: Erased) -> list[str]:
        """Destroy what it names, and keep the act."""
        self._inbox.entries = [one for one in self._inbox.entries if one.number not in erasure.callbacks]
        self._requests.purge(erasure.answers)
        self._watchlist.stop(erasure.watched)
        if self._rejects is not None:
            self._rejects.drop(erasure.rejects)
        self._outbox.empty(erasure, act.reason)
        refresh(self._postings, erasure.records)
        self._acts.append(act)
        return []

    def erasures(self) -> list[Erased]:
        """What was erased so far."""
        return list(self._acts)

    def use_keys(self, keys: Keyring) -> None:
        """Nothing is sealed: there is no disk to read it from."""

    def rekey(self) -> Mapping[str, int]:
        """There is nothing to wrap."""
        return {}

    def backup(self, target: Path) -> Mapping[Path, int]:
        """Refused: there is nothing that could be copied to files."""
        raise JournalError(f"a journal in memory cannot be copied to {target}")
