"""The inbox on SQLite, to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from receiver.journal.ports import WAITING_MAX
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.inbox_rows import content_of, entry_from_row
from receiver.journal.sqlite.inbox_writer import FILE, SQL, STORE
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.store import StoreConnection, open_store
from receiver.model.callback import JournalEntry

READ_BYTES_MAX = 8 * 1024 * 1024
"""Of bodies in one ``read``: readers read in short steps, so that the WAL can be restarted."""

STRETCH = 50_000
"""Numbers that one statement looks through for a time: some 20 ms, so that the WAL can be restarted."""


class SqliteInboxReader(StoreConnection):
    """``ports.InboxReader``; to be used by one thread at a time."""

    def __init__(self, folder: Path, ring: Keyring = NO_KEYS) -> None:
        super().__init__(open_store(folder / FILE, STORE, read_only=True), STORE)
        self._seals = Seals(self._db, STORE, ring)

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Up to ``limit`` entries above ``after``, fewer where their bodies pass ``READ_BYTES_MAX``."""
        entries: list[JournalEntry] = []
        size = 0
        for row in self._rows(SQL["entries"], (after, limit)):
            size += len(row[4])
            if entries and size > READ_BYTES_MAX:
                break
            entries.append(entry_from_row(self._seals, row))
        return entries

    def bodies_below(self, number: int, limit: int) -> Sequence[tuple[int, str, bytes]]:
        """The callbacks before ``number``, the newest first, without their headers."""
        found: list[tuple[int, str, bytes]] = []
        size = 0
        for at, source, headers, kept in self._rows(SQL["bodies_below"], (number, limit)):
            _, body = content_of(self._seals, at, headers, kept)
            size += len(body)
            if found and size > READ_BYTES_MAX:
                break
            found.append((at, source, body))
        return found

    def entry(self, number: int) -> JournalEntry | None:
        """One entry, None where it was purged or never was."""
        return next((entry_from_row(self._seals, row) for row in self._rows(SQL["entry"], (number,))), None)

    def waiting(self, after: int) -> int:
        """Numbers above ``after``: of what is not interpreted nothing is purged, so none of them is missing."""
        return max(0, min(self.last_number() - after, WAITING_MAX))

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """(number, time of receipt) of callbacks above ``after``, ascending."""
        return [(int(row[0]), int(row[1])) for row in self._rows(SQL["ages"], (after, limit))]

    def next_between(self, after: int, since_us: int, until_us: int) -> int | None:
        """The lowest number above ``after`` whose callback was received in that time."""
        last = self.last_number()
        while after < last:
            stretch = (after, after + STRETCH, since_us, until_us)
            for row in self._rows(SQL["next_between"], stretch):
                return int(row[0])
            after += STRETCH
        return None

    def last_number(self) -> int:
        """The highest number given so far."""
        return next((int(row[0]) for row in self._rows(SQL["last_number"])), 0)
