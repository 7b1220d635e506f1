"""``postings.PostingsWriter`` on SQLite: ``search.db``, made where it is missing or cannot be trusted."""

from __future__ import annotations

import contextlib
import os
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.index_rows import HOUR_US, MINUTE_US
from receiver.journal.indexer import refresh
from receiver.journal.postings import Reached
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite.index_file import FILE, boot, identity, note_end, open_to_write, remove
from receiver.journal.sqlite.index_postings import SQL
from receiver.journal.sqlite.statements import insert
from receiver.journal.terms import Counter, Document
from receiver.model.errors import StoreFailed
from receiver.model.records import OutboxRecord
from receiver.model.times import DAY_US, to_us

CLEAR = (
    SQL["clear_terms"],
    SQL["clear_texts"],
    SQL["clear_hours"],
    SQL["clear_counts"],
    SQL["clear_words"],
    SQL["clear_reached"],
)
DISK_FREE_BYTES_MIN = 128 * 1024 * 1024
"""Twice what the inbox needs before it takes no callback: an index is never why it stops."""
TEXTS_KNOWN = 10_000
"""Texts whose ids are remembered."""


class SqlitePostingsWriter:
    """To be used by one thread at a time; another process that writes too waits, and goes on from where this ended."""

    def __init__(self, folder: Path, journal_id: str, ring: Keyring = NO_KEYS) -> None:
        """Open or make it; raises ``StoreFailed``."""
        self._folder = folder
        self._journal_id = journal_id
        self._ring = ring
        self._open()

    def _open(self) -> None:
        self._db, self._words = open_to_write(self._folder, self._journal_id, self._ring)
        self._file = identity(self._folder)
        self._text_id = lru_cache(maxsize=TEXTS_KNOWN)(self._find_text)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; where the file turns out to be damaged it is made anew, and ``StoreFailed`` says so."""
        self._look()
        try:
            with self._trusted():
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(SQL["note_boot"], (boot(),))
            yield
            with self._trusted():
                self._db.execute("COMMIT")
        except BaseException:
            self._text_id.cache_clear()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _look(self) -> None:
        # It was deleted, or the keys were exchanged: this begins anew.
        first = self._ring.first
        if identity(self._folder) != self._file or self._words.key_id != ("" if first is None else first.key_id):
            self._db.close()
            self._open()

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            if isinstance(error, apsw.CorruptError | apsw.NotADBError):
                self._db.close(force=True)
                remove(self._folder)
                self._open()
                raise StoreFailed(f"{self._folder / FILE} was damaged, and is made anew: {error}") from error
            raise StoreFailed(f"{self._folder / FILE}: {error}") from error

    def no_room(self) -> str | None:
        """Why it may not grow, where the disk has less than ``DISK_FREE_BYTES_MIN``."""
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize
        if free >= DISK_FREE_BYTES_MIN:
            return None
        return f"{self._folder / FILE}: the disk has {free} bytes left, which are for the journal; the index waits"

    def reached(self) -> Reached:
        """How far it is."""
        self._look()
        with self._trusted():
            rows = list[Any](self._db.execute(SQL["reached"]))
            return next((Reached(record, self._words.read(known), at) for record, known, at in rows), Reached())

    def put(self, documents: Sequence[Document], repeats: Sequence[Counter], reached: Reached) -> None:
        """Take more records and repeats."""
        token = self._words.token
        terms = [(one.number, " ".join(map(token, one.words))) for one in documents]
        with self._trusted():
            insert(self._db, SQL["put_terms"], terms)
            self._put_hours(documents)
            self._put_counts([*(one.counted for one in documents if one.counted is not None), *repeats])
            for one in documents:
                if one.standing is not None:
                    entry, word = one.standing
                    self._db.execute(SQL["put_word"], (entry.store, entry.number, self._text_id(word), one.number))
            known = self._words.keep(reached.record_id)
            self._db.execute(SQL["set_reached"], (reached.record, known, reached.callback))

    def _put_hours(self, documents: Sequence[Document]) -> None:
        hours: dict[int, list[int]] = {}
        for one in documents:
            hours.setdefault(to_us(one.received_at) // HOUR_US, []).append(one.number)
        for hour, numbers in hours.items():
            self._db.execute(SQL["put_hour"], (hour, min(numbers), max(numbers)))

    def _put_counts(self, counters: Sequence[Counter]) -> None:
        for length_us in (MINUTE_US, DAY_US):
            counts = Counts(
                (one.at_us // length_us * length_us, one.source, one.kind, one.status, one.outcome, one.anomalies)
                for one in counters
            )
            for (at_us, *counted, anomalies), count in counts.items():
                text = orjson.dumps([*counted, anomalies.split(",") if anomalies else []]).decode()
                self._db.execute(SQL["add_count"], (length_us, at_us, self._text_id(text), count))

    def _find_text(self, text: str) -> int:
        for row in list[Any](self._db.execute(SQL["text_id"], (self._words.name(text),))):
            return int(row[0])
        row = (self._words.name(text), self._words.keep(text))
        return int(list[Any](self._db.execute(SQL["put_text"], row))[0][0])

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget records."""
        with self._trusted():
            for number in numbers:
                self._db.execute(SQL["drop_terms"], (number,))
                self._db.execute(SQL["drop_word"], (number,))

    def lowest(self, above: int, limit: int) -> Sequence[int]:
        """Numbers of records in it."""
        self._look()
        with self._trusted():
            return [int(row[0]) for row in list[Any](self._db.execute(SQL["lowest"], (above, limit)))]

    def forget_minutes(self, before_us: int) -> None:
        """Forget counters of minutes."""
        with self._trusted():
            self._db.execute(SQL["forget_counts"], (MINUTE_US, before_us))

    def clear(self) -> None:
        """Begin anew, in the transaction under way."""
        with self._trusted():
            for statement in CLEAR:
                self._db.execute(statement)
        self._text_id.cache_clear()

    def rewrite(self) -> None:
        """Write all words anew, so that nothing is left of those that were dropped; takes its time."""
        with self._trusted():
            self._db.execute(SQL["rewrite_terms"])
            with contextlib.suppress(apsw.BusyError):  # where somebody reads it, the log is overwritten soon
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        """Give it back."""
        note_end(self._db)
        self._db.close()


def forget_in_index(folder: Path, journal_id: str, ring: Keyring, records: Sequence[OutboxRecord]) -> int:
    """Have nothing in the index, where there is one, of what stood in the place of these records.

    Raises ``StoreFailed``. Gives the number of the last record that it knew; 0 where it knew none, as after one that
    could not be used.
    """
    if identity(folder) is None:
        return 0
    with closing(SqlitePostingsWriter(folder, journal_id, ring)) as postings:
        reached = postings.reached().record
        if any(record.number <= reached for record in records):
            refresh(postings, records)
            postings.rewrite()
        return reached
