"""In which slot of the journal each source's callbacks are, as a process that takes them knows it."""

from __future__ import annotations

from contextlib import closing

from receiver.journal.handle import Journal
from receiver.providers.contract import Sources


def source_slots(journal: Journal, sources: Sources) -> dict[str, int]:
    """Source → the slot of its account; an account that is new gets one. Raises ``StoreFailed``, ``JournalError``."""
    with closing(journal.accounts()) as accounts:
        return {
            name: accounts.slot_of(provider.slug, source.account or "") for name, (provider, source) in sources.items()
        }


class KnownSlots:
    """``journal.sharing.SourceSlots`` of the configured sources."""

    def __init__(self, journal: Journal, sources: Sources) -> None:
        """Raises as ``renew`` does."""
        self._journal, self._sources = journal, sources
        self._slots: dict[str, int] = {}
        self.renew()

    def __call__(self, source: str) -> int:
        """The slot of a source."""
        return self._slots[source]

    def renew(self) -> None:
        """Ask the journal again; raises ``StoreFailed``, ``JournalError``."""
        self._slots = source_slots(self._journal, self._sources)
