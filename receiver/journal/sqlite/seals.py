"""Sealed rows of a store on SQLite: its table of data keys, and how a sealed column differs from a plain one.

A store may hold both: what was kept before there were keys stays as it is until retention or ``erase`` takes it. What
is sealed is one blob: a zero byte, the number of its data key in four bytes, then nonce, ciphertext and tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from receiver.journal import sealed
from receiver.journal.sealed import HEAD, DataKey, Keyring, WrappedKey, is_sealed
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.journal.sqlite.store import SEALED, connect, failures, transaction
from receiver.model.errors import StoreFailed

SQL = named_queries("seals")
TABLE = "data_keys"


class Seals:
    """Seals and opens rows of one store, on one connection to it and by one thread at a time."""

    def __init__(self, connection: apsw.Connection, store: str, ring: Keyring) -> None:
        self._db = connection
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

        Called outside a transaction: one that is rolled back must not take with it a key that is then believed kept.
        Raises ``StoreFailed``, ``JournalError``.
        """
        master = self._ring.first
        if master is None:
            return
        for day in set(days):
            place = day, master.key_id
            known = self._current.get(place)
            if known is None or known.seals >= sealed.SEALS_MAX:
                self._current[place] = self._make(day, master.key_id, anew=known is not None)

    def seal(self, day: str, row: int | str, content: bytes) -> bytes:
        """Seal what a row holds, for whose day ``prepare`` was called."""
        return self.sealer(day)(row, content)

    def sealer(self, day: str) -> Callable[[int | str, bytes], bytes]:
        """``seal`` for many rows of one day."""
        master = self._ring.first
        key = None if master is None else self._current.get((day, master.key_id))
        if key is None:  # the master key was exchanged since: the next try finds its data key
            raise StoreFailed(f"{self._store}: the key was exchanged meanwhile")
        return partial(key.seal, head=HEAD.pack(0, key.number))

    def open(self, row: int | str, blob: bytes) -> bytes:
        """Open what ``seal`` gave; raises ``StoreFailed`` where it is not that, ``JournalError`` without its key."""
        if not is_sealed(blob):
            raise StoreFailed(f"{self._store}: number {row} does not open: its bytes were changed; restore a backup")
        number = HEAD.unpack_from(blob)[1]
        if number not in self._known:
            self._known[number] = sealed.unwrap(self._ring, self._store, self._find(number))
        return self._known[number].open(row, blob[HEAD.size :])

    def _find(self, number: int) -> WrappedKey:
        with failures(self._store):
            rows: list[Any] = list(self._db.execute(SQL["one"], (number,)))
        if not rows:
            raise StoreFailed(f"{self._store}: data key {number} is not there: restore a backup")
        return WrappedKey(*rows[0])

    def _make(self, day: str, key_id: str, *, anew: bool) -> DataKey:
        with transaction(self._db):
            self._db.execute(schema("seals"))
            found: list[Any] = [] if anew else list(self._db.execute(SQL["of_day"], (day, key_id)))
            if found:
                return sealed.unwrap(self._ring, self._store, WrappedKey(*found[0]))
            if self._db.table_exists(None, "meta"):
                self._db.execute(SQL["mark_sealed"], (SEALED,))
            number = int(next(iter(self._db.execute(SQL["last_number"])))[0]) + 1
            wrapped, key = sealed.make_data_key(self._ring, self._store, number, day)
            self._db.execute(SQL["add"], (wrapped.number, wrapped.day, wrapped.key_id, wrapped.wrapped))
        return key


def keys_in(connection: apsw.Connection) -> list[WrappedKey]:
    """The data keys of a store, none where it holds nothing sealed."""
    if not connection.table_exists(None, TABLE):
        return []
    return [WrappedKey(*row) for row in list[Any](connection.execute(SQL["all"]))]


def key_ids_in(connection: apsw.Connection) -> set[str]:
    """Ids of the master keys that a store needs."""
    if not connection.table_exists(None, TABLE):
        return set()
    return {str(row[0]) for row in list[Any](connection.execute(SQL["key_ids"]))}


def rekey(path: Path, store: str, ring: Keyring) -> Mapping[str, int]:
    """Wrap all data keys of a store under the first master key; gives how many were under which other one.

    One transaction: raises ``JournalError``, ``StoreFailed`` with nothing changed.
    """
    connection = connect(path)
    try:
        with transaction(connection):
            master = ring.first
            old = [one for one in keys_in(connection) if master is None or one.key_id != master.key_id]
            for one in old:
                new = sealed.rewrap(ring, store, one)
                connection.execute(SQL["rewrap"], (new.key_id, new.wrapped, new.number))
        with failures(store):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return sealed.needed(old)
    finally:
        connection.close()
