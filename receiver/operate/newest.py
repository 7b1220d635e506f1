"""Where to begin reading events, so that the newest so many, or all from a time on, are read and not much else."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from receiver.journal.index import ROWS_MAX, Index, Wanted
from receiver.journal.search import Search
from receiver.operate.selection import steps_of_events

BATCH = 500


def newest_after(search: Search, index: Index, wanted: Wanted, end: int, count: int) -> int:
    """The number after which the newest ``count`` events stand that are wanted; 0 for all of them.

    By the index where it knows every record, else looked for backwards, both from ``end`` on.
    """
    if not count:
        return end
    if index.indexed().whole and (found := _indexed(index, wanted, end, count)) is not None:
        return found
    return _looked_for(search, wanted, end, count)


def first_after(index: Index, wanted: Wanted) -> int:
    """The number after which the first event stands that is wanted, or one before it; 0 where nobody knows."""
    if wanted.since is None or not index.indexed().whole:
        return 0
    page = index.events(replace(wanted, outcome="event"), after=0, limit=1)
    return page.records[0].number - 1 if page.records and not page.cut_off else 0


def _indexed(index: Index, wanted: Wanted, end: int, count: int) -> int | None:
    before, left = end + 1, count
    while True:
        page = index.events(replace(wanted, outcome="event"), before=before, limit=min(left, ROWS_MAX - 1))
        left -= len(page.records)
        if not left:
            return page.records[-1].number - 1
        if page.older is None:
            return None if page.cut_off else 0
        if page.older >= before:
            return None
        before = page.older


def _looked_for(search: Search, wanted: Wanted, end: int, count: int) -> int:
    step = max(BATCH, count)
    begin = end
    while begin:
        begin, step = max(0, end - step), step * 4
        newest: deque[int] = deque(maxlen=count)
        found = 0
        for _, records in steps_of_events(search, wanted, begin, BATCH):
            newest.extend(record.number - 1 for record in records)
            found += len(records)
        if found >= count:
            return newest[0]
    return begin
