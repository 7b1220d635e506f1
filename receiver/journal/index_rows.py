"""Rows of an index's tables as answers, alike for every engine: counters, groups of quarantine, hours of receipt. Pure.

``read`` gives the text that stands behind a name in such a row, opened where it is sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from receiver.journal.index import Count, QuarantineGroup
from receiver.model.callback import EntryId
from receiver.model.times import to_us

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
COUNTS_MAX = 20_000
"""Counters of one answer: an hour of minutes has some hundreds."""
HOUR_MAX = 2**40
"""Above every hour."""

Read = Callable[[bytes], str]


def hours(since: str | None, until: str | None) -> tuple[int, int]:
    """The first and the last hour since 1970 of a time between two RFC 3339 times; None for no bound."""
    return (0 if since is None else to_us(since) // HOUR_US), (HOUR_MAX if until is None else to_us(until) // HOUR_US)


def counts_of(rows: Sequence[Any], read: Read) -> list[Count]:
    """Counters of rows of (time, name of what is counted, count), in their order; at most ``COUNTS_MAX``."""
    texts = {kept: orjson.loads(read(kept)) for kept in {row[1] for row in rows}}
    return sorted((_count(at_us, texts[name], count) for at_us, name, count in rows[:COUNTS_MAX]), key=_order)


def group_of(row: Any, read: Read) -> QuarantineGroup:
    """A group of a row whose last column is "time store number" of the newest in it."""
    source, reason, detail, word, count, first, newest = row
    last, store, number = newest.split(" ")
    entry = EntryId("requests" if store == "requests" else "inbox", int(number))
    return QuarantineGroup(source, reason, detail, "" if word is None else read(word), count, first, last, entry)


def _count(at_us: int, counted: Sequence[Any], count: int) -> Count:
    source, kind, status, outcome, anomalies = counted
    return Count(at_us, source, kind, status, outcome, tuple(anomalies), count)


def _order(one: Count) -> tuple[Any, ...]:
    return one.at_us, one.source, one.kind, one.status, one.outcome, one.anomalies
