"""``postings.Postings`` on SQLite: a connection to ``search.db`` that only reads, with the outbox attached."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from receiver.journal.index import Count, QuarantineGroup
from receiver.journal.index_rows import COUNTS_MAX, MINUTE_US, counts_of, group_of, hours
from receiver.journal.index_words import Words
from receiver.journal.postings import Numbers, Range
from receiver.journal.quarantine_groups import joined
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.index_file import identity, open_to_read
from receiver.journal.sqlite.statements import named_queries
from receiver.journal.terms import backwards
from receiver.model.errors import StoreFailed
from receiver.model.records import QuarantineFilter
from receiver.model.times import DAY_US

SQL = named_queries("index")
PARTS_MAX = 200
"""Words of one beginning or end: FTS5 takes no more than 256 in one question."""
STRETCH = 250_000
"""Numbers that one statement looks through: FTS5 passes over words that never meet without a look at the clock."""
BUDGET_STEPS = 2000
"""Of SQLite's machine, after which the clock is looked at: some tenths of a millisecond."""
LAST = "\U0010ffff"


class SqlitePostings:
    """To be used by one thread at a time. It notices an index that is made, deleted or made anew meanwhile."""

    def __init__(self, folder: Path, journal_id: str, ring: Keyring = NO_KEYS) -> None:
        self._folder = folder
        self._journal_id = journal_id
        self._ring = ring
        self._db: apsw.Connection | None = None
        self._words: Words | None = None
        self._opened: tuple[int, int] | None = None

    @property
    def exact_only(self) -> bool:
        """Whether words are kept as hashes."""
        return self._ring.first is not None if self._words is None else bool(self._words.key_id)

    def indexed_to(self, slot: int = 0) -> int | None:
        """The last record in it."""
        del slot  # there is one
        self._look()
        with contextlib.suppress(StoreFailed):
            for row in self._rows("reached", ()):
                return int(row[0])
        return None

    def _look(self) -> None:
        there = identity(self._folder)
        if self._db is not None and there == self._opened:
            return
        self.close()
        opened = open_to_read(self._folder, self._journal_id, self._ring)
        if opened is not None:
            self._db, self._words = opened
            self._opened = there
            self._rows("make_vocabulary", ())
            self._rows("attach_outbox", (str(self._folder / "outbox.db"),))

    def with_word(self, word: str, within: Range, limit: int, ms: float, *, part: bool) -> Numbers:
        """Records that have a word."""
        if self._words is None:
            return Numbers((), cut_off=False)
        ends_s = time.monotonic() + ms / 1000
        if not part:
            return self._matching(_quoted(self._words.token(word)), within, limit, ends_s)
        tokens, many = list[str](), False
        with contextlib.suppress(apsw.InterruptError), self._until(ends_s):
            many = True
            for begin in (word, backwards(word)):
                token = self._words.token(begin)
                rows = self._rows("beginning_with", (token, token + LAST, PARTS_MAX // 2 + 1))
                tokens += [row[0] for row in rows[: PARTS_MAX // 2]]
                many = len(rows) > PARTS_MAX // 2
                if many:
                    break
        if not tokens:
            return Numbers((), cut_off=many or self._db is None)
        found = self._matching(" OR ".join(map(_quoted, tokens)), within, limit, ends_s)
        return Numbers(found.numbers, found.cut_off or many)

    def with_all(self, words: Sequence[str], within: Range, limit: int, ms: float) -> Numbers:
        """Records that have all of these words."""
        if self._words is None:
            return Numbers((), cut_off=False)
        match = " AND ".join(_quoted(self._words.token(word)) for word in words)
        return self._matching(match, within, limit, time.monotonic() + ms / 1000)

    def _matching(self, match: str, within: Range, limit: int, ends_s: float) -> Numbers:
        numbers = list[int]()
        looked_to: int | None = None
        query = "newest_with" if within.descending else "oldest_with"
        try:
            with self._until(ends_s):
                for stretch in within.stretches(STRETCH):
                    if time.monotonic() > ends_s:
                        return Numbers(numbers, cut_off=True, looked_to=looked_to)
                    rows = self._rows(query, (match, stretch.lowest, stretch.highest, limit - len(numbers)))
                    numbers += [int(row[0]) for row in rows]
                    looked_to = stretch.lowest if within.descending else stretch.highest
                    if len(numbers) >= limit:
                        break
        except apsw.InterruptError:
            return Numbers(numbers, cut_off=True, looked_to=looked_to)
        return Numbers(numbers, cut_off=self._db is None)

    def received(self, since: str | None, until: str | None, slot: int = 0) -> tuple[int, int] | None:
        """Numbers between which all records of these hours lie."""
        del slot
        rows = self._rows("received", hours(since, until))
        return (int(rows[0][0]), int(rows[0][1])) if rows and rows[0][0] is not None else None

    def counts(self, since_us: int, until_us: int, ms: float, *, days: bool) -> tuple[list[Count], bool]:
        """Counters of minutes or days."""
        length_us = DAY_US if days else MINUTE_US
        try:
            with self._until(time.monotonic() + ms / 1000):
                rows = self._rows("counts", (length_us, since_us, until_us, COUNTS_MAX + 1))
        except apsw.InterruptError:
            return [], True
        return counts_of(rows, self._text), len(rows) > COUNTS_MAX or self._db is None

    def groups(self, wanted: QuarantineFilter, ms: float) -> tuple[list[QuarantineGroup], bool]:
        """Groups of what stands in quarantine."""
        filters = (wanted.source, wanted.reason, wanted.since, wanted.until, wanted.state)
        try:
            with self._until(time.monotonic() + ms / 1000):
                rows = self._rows("groups", filters)
        except apsw.InterruptError:
            return [], True
        return joined(group_of(row, self._text) for row in rows), self._db is None

    def _text(self, kept: bytes) -> str:
        assert self._words is not None  # noqa: S101  there is a row, so there is an index
        return self._words.read(kept)

    @contextmanager
    def _until(self, ends_s: float) -> Iterator[None]:
        connection = self._db
        if connection is not None:
            connection.set_progress_handler(lambda: time.monotonic() > ends_s, BUDGET_STEPS)
        try:
            yield
        finally:
            if connection is not None and connection is self._db:  # else it was damaged, and is closed
                connection.set_progress_handler(None)

    def _rows(self, query: str, bindings: tuple[Any, ...]) -> list[Any]:
        if self._db is None:
            return []
        try:
            return list(self._db.execute(SQL[query], bindings))
        except apsw.InterruptError:
            raise
        except (apsw.CorruptError, apsw.NotADBError):
            self.close()  # as if there were none, until who writes it has made it anew; this answer is cut off
            return []
        except apsw.Error as error:
            raise StoreFailed(f"search: {error}") from error

    def close(self) -> None:
        """Give it back."""
        if self._db is not None:
            self._db.close()
        self._db = self._words = None


def _quoted(token: str) -> str:
    return f'"{token}"'
