"""``postings.Postings`` on PostgreSQL: a table of words and numbers, whose index has a word's records in their order.

Each statement has what is left of the question's time as its ``statement_timeout``, and an answer that was cut off says
so. What must have several words is looked for among the records with the rarest of them, a stretch of numbers after the
other, so that it is known how far nothing was left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from receiver.journal.index import Count, QuarantineGroup
from receiver.journal.index_rows import COUNTS_MAX, MINUTE_US, counts_of, group_of, hours
from receiver.journal.index_words import Words, words_of
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database, Row
from receiver.journal.postgres.statements import named_queries
from receiver.journal.postings import Numbers, Range
from receiver.journal.quarantine_groups import joined
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.terms import FORMAT, backwards
from receiver.model.records import QuarantineFilter
from receiver.model.times import DAY_US

SQL = named_queries("index")
PARTS_MAX = 5000
"""Records looked at that have a word which begins or ends so."""
FREQUENT = 2000
"""Records with a word above which nobody counts how many more there are."""
STRETCH, STRETCH_GROWS, STRETCH_MS = 20_000, 4, 20.0
"""Numbers that the first statement looks through; the next one takes more where that took less than so many ms."""
LAST = "\U0010ffff"


class PostgresPostings:
    """To be used by one thread at a time. It notices an index that is made, emptied or made anew meanwhile."""

    def __init__(self, address: Address, journal_id: str, ring: Keyring = NO_KEYS) -> None:
        self._db = Database(address, "search")
        self._journal_id = journal_id
        self._ring = ring
        self._words: Words | None = None

    @property
    def exact_only(self) -> bool:
        """Whether words are kept as hashes."""
        return self._ring.first is not None if self._words is None else bool(self._words.key_id)

    def indexed_to(self, slot: int = 0) -> int | None:
        """The last record of a slot in it."""
        self._words = find_words(self._db, self._journal_id, self._ring)
        if self._words is None:
            return None
        return next((int(row[0]) for row in self._db.rows(SQL["reached"], slot)), None)

    def with_word(self, word: str, within: Range, limit: int, ms: float, *, part: bool) -> Numbers:
        """Records that have a word."""
        if self._words is None:
            return Numbers((), cut_off=False)
        if not part:
            return self.with_all([word], within, limit, ms)
        ends_s = time.monotonic() + ms / 1000
        found = set[int]()
        cut_off = False
        for begin in (word, backwards(word)):
            token = self._words.token(begin)
            given = (token, token + LAST, within.lowest, within.highest, PARTS_MAX + 1)
            rows = self._db.rows_within(_left_ms(ends_s), SQL["beginning_with"], *given)
            found |= {int(row[0]) for row in rows or ()}
            cut_off |= rows is None or len(rows) > PARTS_MAX
        return Numbers(sorted(found, reverse=within.descending)[:limit], cut_off)

    def with_all(self, words: Sequence[str], within: Range, limit: int, ms: float) -> Numbers:
        """Records that have all of these words."""
        if self._words is None:
            return Numbers((), cut_off=False)
        ends_s = time.monotonic() + ms / 1000
        tokens = [self._words.token(word) for word in dict.fromkeys(words)]
        if len(tokens) > 1:
            given = (tokens, within.lowest, within.highest, FREQUENT)
            rows = self._db.rows_within(_left_ms(ends_s), SQL["by_frequency"], *given)
            tokens = tokens if rows is None else [row[0] for row in rows]
        sql = SQL["newest_with"] if within.descending else SQL["oldest_with"]

        def look(stretch: Range, most: int) -> list[Row] | None:
            left_ms = _left_ms(ends_s)
            given = (tokens[0], tokens[1:], stretch.lowest, stretch.highest, most)
            return self._db.rows_within(left_ms, sql, *given) if left_ms else None

        return stretched(look, within, limit, whole=len(tokens) == 1)

    def received(self, since: str | None, until: str | None, slot: int = 0) -> tuple[int, int] | None:
        """Numbers between which all records of these hours lie."""
        row = self._db.rows(SQL["received"], slot, *hours(since, until))[0]
        return None if row[0] is None else (int(row[0]), int(row[1]))

    def counts(self, since_us: int, until_us: int, ms: float, *, days: bool) -> tuple[list[Count], bool]:
        """Counters of minutes or days."""
        if self._words is None:
            return [], False
        length_us = DAY_US if days else MINUTE_US
        rows = self._db.rows_within(ms, SQL["counts"], length_us, since_us, until_us, COUNTS_MAX + 1)
        if rows is None:
            return [], True
        return counts_of(rows, self._words.read), len(rows) > COUNTS_MAX

    def groups(self, wanted: QuarantineFilter, ms: float) -> tuple[list[QuarantineGroup], bool]:
        """Groups of what stands in quarantine."""
        filters = (wanted.source, wanted.reason, wanted.since, wanted.until, wanted.state)
        words = self._words
        rows = None if words is None else self._db.rows_within(ms, SQL["groups"], *filters)
        if words is None or rows is None:
            return [], True
        return joined(group_of(row, words.read) for row in rows), False

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()


def find_words(database: Database, journal_id: str, ring: Keyring, *, exactly: bool = False) -> Words | None:
    """How words are kept in the index that is there; None where there is none, or none of our format and keys.

    ``exactly``: under the first key, and no other one. Raises ``StoreFailed``.
    """
    rows = database.rows(SQL["meta"])
    if not rows or rows[0][0] != FORMAT:
        return None
    key_id = str(rows[0][1])
    first = "" if ring.first is None else ring.first.key_id
    if (exactly and key_id != first) or (key_id and key_id not in ring.ids):
        return None
    return words_of(ring.find(key_id) if key_id else None, journal_id)


def stretched(look: Callable[[Range, int], list[Row] | None], within: Range, limit: int, *, whole: bool) -> Numbers:
    """Look through ``within`` a stretch after the other, each larger while that is quick; ``whole``: all at once.

    ``look`` gives the rows of a stretch, at most so many, or None where its time was over.
    """
    numbers = list[int]()
    length = within.highest - within.lowest + 1 if whole else STRETCH
    rest, looked_to = within, None
    while rest.lowest <= rest.highest and len(numbers) < limit:
        stretch = next(rest.stretches(length))
        began_s = time.monotonic()
        rows = look(stretch, limit - len(numbers))
        if rows is None:
            return Numbers(numbers, cut_off=True, looked_to=looked_to)
        numbers += [int(row[0]) for row in rows]
        looked_to = stretch.lowest if within.descending else stretch.highest
        rest = rest.past(looked_to)
        if (time.monotonic() - began_s) * 1000 < STRETCH_MS:
            length *= STRETCH_GROWS
    return Numbers(numbers, cut_off=False)


def _left_ms(ends_s: float) -> float:
    return max(0.0, (ends_s - time.monotonic()) * 1000)
