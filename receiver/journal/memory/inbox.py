"""An inbox in memory: writer and reader in one."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.journal.ports import WAITING_MAX, InboxFigures
from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.errors import Unavailable


class MemoryInbox:
    """``ports.Inbox`` and ``ports.InboxReader``. ``refuse`` makes it answer that it takes nothing."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.refuse: str | None = None
        self._last = 0

    async def append(self, callback: VerifiedCallback) -> int:
        """Keep the callback; raises ``Unavailable`` while ``refuse`` is set."""
        if self.refuse is not None:
            raise Unavailable(self.refuse)
        self._last += 1
        self.entries.append(JournalEntry(self._last, callback))
        return self._last

    async def purge(self, numbers: Sequence[int]) -> None:
        """Delete callbacks."""
        self.entries = [entry for entry in self.entries if entry.number not in numbers]

    def accepting(self) -> str | None:
        """None, or why not."""
        return self.refuse

    def trouble(self) -> str | None:
        """None, or why it takes nothing."""
        return self.refuse

    def figures(self) -> InboxFigures:
        """Nothing ever waits."""
        return InboxFigures(0, self._last)

    def entry(self, number: int) -> JournalEntry | None:
        """One entry."""
        return next((entry for entry in self.entries if entry.number == number), None)

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Entries above ``after``."""
        return [entry for entry in self.entries if entry.number > after][:limit]

    def bodies_below(self, number: int, limit: int) -> Sequence[tuple[int, str, bytes]]:
        """The callbacks before ``number``, the newest first."""
        below = [entry for entry in reversed(self.entries) if entry.number < number][:limit]
        return [(entry.number, entry.callback.source, entry.callback.body) for entry in below]

    def last_number(self) -> int:
        """The highest number given so far."""
        return self._last

    def waiting(self, after: int) -> int:
        """How many have a number above ``after``."""
        return min(sum(entry.number > after for entry in self.entries), WAITING_MAX)

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """(number, time of receipt) of callbacks above ``after``."""
        return [(entry.number, entry.callback.received_at_us) for entry in self.read(after, limit)]

    def next_between(self, after: int, since_us: int, until_us: int) -> int | None:
        """The lowest number above ``after`` whose callback was received in that time."""
        above = (entry for entry in self.entries if entry.number > after)
        return next((one.number for one in above if since_us <= one.callback.received_at_us < until_us), None)

    def close(self) -> None:
        """It goes on for whoever else has it."""
