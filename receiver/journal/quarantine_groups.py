"""Standings of quarantine that say the same, as groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from receiver.journal.entries import Stores
from receiver.journal.index import ROWS_MAX, QuarantineGroup
from receiver.journal.postings import Budget
from receiver.journal.search import Search
from receiver.model.cards import mask_cards
from receiver.model.quarantine_record import WORDS, offending_word
from receiver.model.records import Quarantined, QuarantineFilter


def grouped(standings: Iterable[tuple[Quarantined, str]]) -> list[QuarantineGroup]:
    """Group (standing, the word that nobody knew), the largest group first."""
    return joined(
        QuarantineGroup(one.source, one.reason, one.detail, word, 1, one.received_at, one.received_at, one.id)
        for one, word in standings
    )


def joined(parts: Iterable[QuarantineGroup]) -> list[QuarantineGroup]:
    """Join those that say the same once card numbers in their details are masked, the largest group first."""
    groups: dict[tuple[str, str, str, str], QuarantineGroup] = {}
    for part in parts:
        one = replace(part, detail=mask_cards(part.detail))
        about = one.source, one.reason, one.detail, one.word
        before = groups.get(about)
        groups[about] = _both(before, one) if before else one
    return sorted(groups.values(), key=lambda one: (-one.count, one.source, one.reason, one.detail, one.word))


def _both(one: QuarantineGroup, other: QuarantineGroup) -> QuarantineGroup:
    return replace(
        one,
        count=one.count + other.count,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        example=max(one, other, key=_newest).example,
    )


def _newest(one: QuarantineGroup) -> tuple[str, str, int]:
    return one.last, one.example.store, one.example.number


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
