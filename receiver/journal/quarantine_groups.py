"""Standings of quarantine that say the same, as groups."""

from __future__ import annotations

from collections.abc import Iterable

from receiver.journal.entries import Stores
from receiver.journal.index import ROWS_MAX, QuarantineGroup
from receiver.journal.postings import Budget
from receiver.journal.search import Search
from receiver.model.cards import mask_cards
from receiver.model.quarantine_record import WORDS, offending_word
from receiver.model.records import Quarantined, QuarantineFilter


def grouped(standings: Iterable[tuple[Quarantined, str]]) -> list[QuarantineGroup]:
    """Group (standing, the word that nobody knew), the largest group first."""
    groups: dict[tuple[str, str, str, str], QuarantineGroup] = {}
    for one, word in standings:
        about = one.source, one.reason, mask_cards(one.detail), word
        before = groups.get(about)
        at = one.received_at
        groups[about] = _with(before, one) if before else QuarantineGroup(*about, 1, at, at, one.id)
    return sorted(groups.values(), key=lambda one: (-one.count, one.source, one.reason, one.detail, one.word))


def _with(group: QuarantineGroup, one: Quarantined) -> QuarantineGroup:
    newer = (one.received_at, one.id.store, one.id.number) > (group.last, group.example.store, group.example.number)
    return QuarantineGroup(
        group.source,
        group.reason,
        group.detail,
        group.word,
        group.count + 1,
        min(group.first, one.received_at),
        max(group.last, one.received_at),
        one.id if newer else group.example,
    )


def group(
    stores: Stores, search: Search, wanted: QuarantineFilter, budget: Budget
) -> tuple[list[QuarantineGroup], bool]:
    """Group the oldest ``ROWS_MAX`` standings that the filter lets through; and whether there are more."""
    found = search.quarantine(wanted, None, ROWS_MAX + 1)
    rows = list[tuple[Quarantined, str]]()
    for one in found[:ROWS_MAX]:
        if rows and not budget.left_ms():
            return grouped(rows), True
        entry = stores.entry(one.id) if one.reason in WORDS else None
        rows.append((one, "" if entry is None else offending_word(one.reason, one.detail, entry.callback.body)))
    return grouped(rows), len(found) > ROWS_MAX
