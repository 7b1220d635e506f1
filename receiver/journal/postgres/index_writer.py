"""``postings.PostingsWriter`` on PostgreSQL: one slot's records, into tables that all slots share."""

from __future__ import annotations

import hashlib
from collections import Counter as Counts
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

import orjson

from receiver.journal.index_rows import HOUR_US, MINUTE_US
from receiver.journal.index_words import Words, words_of
from receiver.journal.indexer import refresh
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.index_postings import SQL, find_words
from receiver.journal.postgres.outbox_rows import columns
from receiver.journal.postings import Reached
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import SLOT_SHIFT, first_record, slot_of_record
from receiver.journal.terms import FORMAT, Counter, Document
from receiver.model.records import OutboxRecord
from receiver.model.times import DAY_US, to_us


class PostgresPostingsWriter:
    """To be used by one thread at a time; another process that writes too waits, and goes on from where this ended."""

    def __init__(self, address: Address, journal_id: str, ring: Keyring = NO_KEYS, slot: int = 0) -> None:
        self._db = Database(address, "index", timeout_s=None)
        self._journal_id = journal_id
        self._ring = ring
        self._slot = slot
        self._first = first_record(slot)
        self._words: Words | None = None
        """None while there is no index that fits."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction, in which nobody else writes; whole or not at all."""
        with self._db.transaction():
            self._db.execute(SQL["alone"])
            self._words = find_words(self._db, self._journal_id, self._ring, exactly=True)
            yield

    def no_room(self) -> str | None:
        """The disk is the database's: who has it looks after it."""
        return None

    def reached(self) -> Reached:
        """How far it is; nowhere where there is none that fits."""
        words = find_words(self._db, self._journal_id, self._ring, exactly=True)
        rows = [] if words is None else self._db.rows(SQL["reached"], self._slot)
        return next(
            (Reached(record, words.read(known), at) for record, known, at in rows if words is not None),
            Reached(self._first),
        )

    def put(self, documents: Sequence[Document], repeats: Sequence[Counter], reached: Reached) -> None:
        """Take more records and repeats."""
        if self._words is None:
            self.clear()
        words = self._known()
        terms = [(words.token(word), one.number) for one in documents for word in one.words]
        if terms:
            self._db.rows(SQL["put_terms"], *columns(sorted(terms), 2))
        self._put_hours(documents)
        self._put_counts([*(one.counted for one in documents if one.counted is not None), *repeats])
        standing = [
            (entry.store, entry.number, self._name(word), number)
            for entry, word, number in ((*one.standing, one.number) for one in documents if one.standing is not None)
        ]
        if standing:
            self._put_texts(word for one in documents if one.standing is not None for word in one.standing[1:])
            self._db.rows(SQL["put_words"], *columns(standing, 4))
        self._db.rows(SQL["set_reached"], self._slot, reached.record, words.keep(reached.record_id), reached.callback)

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget records."""
        if numbers:
            self._db.rows(SQL["drop_terms"], list(numbers))
            self._db.rows(SQL["drop_words"], list(numbers))

    def lowest(self, above: int, limit: int) -> Sequence[int]:
        """Numbers of the slot's records in it."""
        last = self._first + (1 << SLOT_SHIFT) - 1
        return [int(row[0]) for row in self._db.rows(SQL["lowest"], max(above, self._first), last, limit)]

    def forget_minutes(self, before_us: int) -> None:
        """Forget counters of minutes."""
        self._db.rows(SQL["forget_counts"], MINUTE_US, before_us)

    def clear(self) -> None:
        """Empty it, for all slots, and begin anew under the first key."""
        self._db.rows(SQL["clear"])
        first = self._ring.first
        self._db.rows(SQL["set_meta"], FORMAT, "" if first is None else first.key_id)
        self._words = words_of(first, self._journal_id)

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _known(self) -> Words:
        assert self._words is not None, "put is called in writing"  # noqa: S101
        return self._words

    def _put_hours(self, documents: Sequence[Document]) -> None:
        hours: dict[int, list[int]] = {}
        for one in documents:
            hours.setdefault(to_us(one.received_at) // HOUR_US, []).append(one.number)
        rows = [(hour, min(numbers), max(numbers)) for hour, numbers in hours.items()]
        if rows:
            self._db.rows(SQL["put_hours"], self._slot, *columns(rows, 3))

    def _put_counts(self, counters: Sequence[Counter]) -> None:
        counts = Counts(
            (length_us, one.at_us // length_us * length_us, _counted(one))
            for one in counters
            for length_us in (MINUTE_US, DAY_US)
        )
        if counts:
            self._put_texts(text for _, _, text in counts)
            rows = [(length_us, at_us, self._name(text), count) for (length_us, at_us, text), count in counts.items()]
            self._db.rows(SQL["add_counts"], *columns(rows, 4))

    def _put_texts(self, texts: Iterable[str]) -> None:
        keep = self._known().keep
        rows = [(self._name(text), keep(text)) for text in sorted(set(texts))]
        self._db.rows(SQL["put_texts"], *columns(rows, 2))

    def _name(self, text: str) -> bytes:
        # Of one length, whatever the text: an index takes no long ones.
        return hashlib.blake2b(self._known().name(text), digest_size=16).digest()


def _counted(one: Counter) -> str:
    anomalies = one.anomalies.split(",") if one.anomalies else []
    return orjson.dumps([one.source, one.kind, one.status, one.outcome, anomalies]).decode()


def forget_in_index(address: Address, journal_id: str, ring: Keyring, records: Sequence[OutboxRecord]) -> None:
    """Have nothing in the index of what stood in the place of these records; raises ``StoreFailed``."""
    for slot in sorted({slot_of_record(record.number) for record in records}):
        with closing(PostgresPostingsWriter(address, journal_id, ring, slot)) as postings:
            with postings.writing():
                pass  # whoever is within a step has read what stood there before, and has put it by now
            reached = postings.reached().record
            theirs = [record for record in records if slot_of_record(record.number) == slot]
            if any(record.number <= reached for record in theirs):
                refresh(postings, theirs)
