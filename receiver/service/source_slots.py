"""In which slot of the journal each source's callbacks are: asked once, since an account stays where it is."""

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
