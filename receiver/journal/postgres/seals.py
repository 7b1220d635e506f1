"""Sealed rows on PostgreSQL: its table of data keys, for all stores in one.

What is sealed is one blob: a zero byte, the number of its data key in four bytes, then nonce, ciphertext and tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from receiver.journal import sealed
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import HEAD, DataKey, Keyring, WrappedKey, is_sealed, missing
from receiver.model.errors import JournalError, StoreFailed

SQL = named_queries("seals")
STORES = ("inbox", "outbox", "requests", "rejects")


class Seals:
    """Seals and opens rows of one store, over one connection and by one thread at a time."""

    def __init__(self, database: Database, store: str, ring: Keyring) -> None:
        self._db = database
        self._store = store
        self._ring = ring
        self._known: dict[int, DataKey] = {}
        self._current: dict[tuple[str, str], DataKey] = {}
        """(day, id of the master key) → the data key that seals now."""

    @property
    def sealing(self) -> bool:
        """Whether what comes is sealed."""
        return self._ring.first is not None

    def prepare(self, days: Iterable[str]) -> None:
        """Have a data key for each UTC day, kept with a commit of its own before anything is sealed under it.

        Called outside a transaction. Raises ``StoreFailed``, ``JournalError``.
        """
        master = self._ring.first
        if master is None:
            return
        for day in self.lacking(days):
            place = day, master.key_id
            self._current[place] = self._make(day, master.key_id, anew=place in self._current)

    def lacking(self, days: Iterable[str]) -> set[str]:
        """The days for which ``prepare`` would have to look for a data key."""
        master = self._ring.first
        if master is None:
            return set()
        current = {day: self._current.get((day, master.key_id)) for day in days}
        return {day for day, known in current.items() if known is None or known.seals >= sealed.SEALS_MAX}

    def seal(self, day: str, row: int | str, content: bytes) -> bytes:
        """Seal what a row holds, for whose day ``prepare`` was called."""
        master = self._ring.first
        key = None if master is None else self._current.get((day, master.key_id))
        if key is None:  # the master key was exchanged since: the next try finds its data key
            raise StoreFailed(f"{self._store}: the key was exchanged meanwhile")
        return partial(key.seal, head=HEAD.pack(0, key.number))(row, content)

    def open(self, row: int | str, blob: bytes) -> bytes:
        """Open what ``seal`` gave; raises ``StoreFailed`` where it is not that, ``JournalError`` without its key."""
        if not is_sealed(blob):
            raise StoreFailed(f"{self._store}: number {row} does not open: its bytes were changed; restore a backup")
        number = HEAD.unpack_from(blob)[1]
        if number not in self._known:
            self._known[number] = sealed.unwrap(self._ring, self._store, self._find(number))
        return self._known[number].open(row, blob[HEAD.size :])

    def _find(self, number: int) -> WrappedKey:
        rows = self._db.rows(SQL["one"], self._store, number)
        if not rows:
            raise StoreFailed(f"{self._store}: data key {number} is not there: restore a backup")
        return WrappedKey(*rows[0])

    def _make(self, day: str, key_id: str, *, anew: bool) -> DataKey:
        with self._db.transaction():
            self._db.rows(SQL["alone"])
            found = [] if anew else self._db.rows(SQL["of_day"], self._store, day, key_id)
            if found:
                return sealed.unwrap(self._ring, self._store, WrappedKey(*found[0]))
            number = int(self._db.one(SQL["last_number"], self._store)) + 1
            wrapped, key = sealed.make_data_key(self._ring, self._store, number, day)
            self._db.rows(SQL["add"], self._store, wrapped.number, wrapped.day, wrapped.key_id, wrapped.wrapped)
        return key


def keys_needed(database: Database) -> Mapping[str, int]:
    """Id of each master key that the journal needs → how many data keys it opens."""
    return {str(row[0]): int(row[1]) for row in database.rows(SQL["needed"])}


def need_keys(database: Database, ring: Keyring) -> None:
    """Raise ``JournalError`` where a key is missing: nothing begins with bodies of which a part cannot be read."""
    unknown = set(keys_needed(database)) - set(ring.ids)
    if unknown:
        raise JournalError(missing(unknown, ring.ids))


def rekey(database: Database, ring: Keyring) -> Mapping[str, int]:
    """Wrap all data keys under the first master key; gives how many were under which other one. One transaction."""
    changed = Counter[str]()
    with database.transaction():
        database.rows(SQL["alone"])
        for store in STORES:
            for one in _old(database.rows(SQL["all"], store), ring):
                new = sealed.rewrap(ring, store, one)
                database.rows(SQL["rewrap"], store, new.number, new.key_id, new.wrapped)
                changed[one.key_id] += 1
    return dict(changed)


def _old(rows: Iterable[tuple[Any, ...]], ring: Keyring) -> list[WrappedKey]:
    master = ring.first
    found = [WrappedKey(*row) for row in rows]
    return [one for one in found if master is None or one.key_id != master.key_id]
