"""What comes into an outbox, also where several slots fill it: each has numbers of its own, which rise by themselves.

A journal in PostgreSQL may have several slots. Their records stand in one outbox with the slot in the high bits of the
number, so whoever went on after the highest number there is would see what comes into the last slot, and nothing of the
others. So a place is kept for each. One question tells how far all are; only those that went on are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from receiver.journal.handle import Journal
from receiver.journal.slots import first_record
from receiver.model.records import OutboxRecord


@dataclass(frozen=True, slots=True)
class Came:
    """What came since the last look."""

    records: Sequence[OutboxRecord]
    """In order of receipt; those of one slot always in the order of their numbers."""
    more: bool
    """Whether there is more to be read at once."""


class Following:
    """A place in each slot of a journal, from now on. To be used by one thread."""

    def __init__(self, journal: Journal) -> None:
        """Open what is read; raises ``StoreFailed``, ``JournalError``."""
        self._outbox = journal.outbox()
        self._slots = journal.slots()
        states = self._slots.states()
        self._several = len(states) > 1
        self._after = {state.slot: state.last_record for state in states}
        if not self._several:
            self._after = {0: self._outbox.last_number()}

    def look(self, limit: int) -> Came:
        """What came, at most ``limit`` records of each slot; raises ``StoreFailed``."""
        if not self._several:
            return self._read({0: limit}, limit)
        waiting = {
            state.slot: state.last_record - self._after.setdefault(state.slot, first_record(state.slot))
            for state in self._slots.states()
        }
        return self._read({slot: min(limit, count) for slot, count in waiting.items() if count > 0}, limit)

    def _read(self, wanted: dict[int, int], limit: int) -> Came:
        # Numbers are dense within a slot: as many above its place as there are new ones are all its own.
        found: list[OutboxRecord] = []
        more = False
        for slot, count in wanted.items():
            records = self._outbox.read(self._after[slot], count)
            if records:
                self._after[slot] = records[-1].number
            found += records
            more = more or len(records) == limit
        if self._several:
            found.sort(key=lambda record: record.received_at)
        return Came(found, more)

    def close(self) -> None:
        """Give back what is read."""
        self._outbox.close()
        self._slots.close()
