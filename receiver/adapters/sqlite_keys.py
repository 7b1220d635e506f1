"""Finds operations by their keys, through an index that is written in sorted slices.

Theory of operation.
A key is found by 32 bits of its hash in the table ``operation_keys``. Hashes scatter: put there one by one, each new
operation would write a page of its own somewhere in a long index, and that page again when the WAL is copied. So the
hashes of new operations gather in memory; when enough are there they are sorted and leave for the table, a slice with
each commit that has new operations, so that neighbours share a page and no commit is long.

What memory holds is never needed after a crash. ``operations`` keeps the hash of each key too, and ``meta`` says up to
which number all are in the table, in the transaction that makes it true: those above are read again, and a slice that
was put before is put again, which changes nothing. A hash can stand for several keys, and a row of the table for an
operation that a person had undone: what is found is a candidate until its key is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any

import apsw
import orjson

from receiver.adapters import sqlite

GATHER = 65_536
"""New operations before their hashes leave for the table: with a million there, three and more share a page of it."""
SLICE_MIN = 64
SLICE_TIMES = 4
"""Hashes that leave with a commit: so many for each new operation in it, and ``SLICE_MIN`` at least."""

SQL = sqlite.named_queries("keys")


class OperationKeys:
    """The numbers of operations by their keys. On the connection of an outbox, and like it for one thread at a time.

    Everything raises what the driver raises. After a transaction with ``put`` failed, ``forget`` is to be called.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self.forget()

    def forget(self) -> None:
        """Take nothing that is in memory for true: the next question reads it again."""
        self._fresh = _Gathered()
        self._leaving = _Gathered()
        self._order: list[int] = []
        self._left = 0
        self._read_to = 0

    def candidates(self, keys: Iterable[str]) -> list[int]:
        """The numbers of all known operations among ``keys``, and perhaps of others that share a hash with one."""
        self._read_new()
        hashes = {sqlite.key_hash(key) for key in keys}
        found = [int(row[0]) for row in list[Any](self._db.execute(SQL["indexed"], (json_list(hashes),)))]
        return list({*found, *self._fresh.numbers(hashes), *self._leaving.numbers(hashes)})

    def numbers(self, keys: Collection[str]) -> dict[str, int]:
        """The numbers of those operations that are known, by their keys."""
        found = self.candidates(keys)
        rows = list[Any](self._db.execute(SQL["keys"], (json_list(found),))) if found else ()
        return {key: number for number, key in rows if key in keys}

    def numbered(self, keys: Collection[str]) -> tuple[dict[str, int], list[str]]:
        """The same with the next numbers for those that are new, and which these are; within their transaction.

        A number that ``meta`` counts as put into the table is never given again, also where its operation is gone.
        """
        known = self.numbers(keys)
        last = int(next(iter(self._db.execute(SQL["last_number"])))[0])
        new = [key for key in keys if key not in known]
        return known | dict(zip(new, range(last + 1, last + 1 + len(new)), strict=True)), new

    def put(self, new: Sequence[tuple[str, int]]) -> None:
        """Note operations that the transaction under way has added, (key, number) ascending; put a slice with them."""
        if not new:
            return
        for key, number in new:
            self._fresh.add(sqlite.key_hash(key), number)
        self._read_to = new[-1][1]
        if not self._order and len(self._fresh) >= GATHER:
            self._fresh, self._leaving = _Gathered(), self._fresh
            self._order = sorted(self._leaving.hashes())
        if self._order:
            self._put_slice(max(SLICE_MIN, SLICE_TIMES * len(new)))

    def put_at_once(self, key: str, number: int) -> None:
        """Put an operation into the table itself: its number may be below what others have read."""
        self._db.execute(SQL["index"], (sqlite.key_hash(key), number))

    def _put_slice(self, count: int) -> None:
        hashes = self._order[self._left : self._left + count]
        sqlite.insert(self._db, SQL["index"], self._leaving.rows(hashes))
        self._left += count
        if self._left >= len(self._order):
            self._db.execute(SQL["set_indexed_to"], (self._leaving.last,))
            self._leaving, self._order, self._left = _Gathered(), [], 0

    def _read_new(self) -> None:
        # All that is not in the table the first time, then what another connection may have added.
        rows: Iterable[Any] = self._db.execute(SQL["not_indexed"], (self._read_to,))
        for number, key_hash in rows:
            self._fresh.add(key_hash, number)
            self._read_to = number


class _Gathered:
    """Hash → numbers, where few hashes have more than one."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._more: dict[int, list[int]] = {}
        self.last = 0

    def __len__(self) -> int:
        return len(self._first)

    def add(self, key_hash: int, number: int) -> None:
        if self._first.setdefault(key_hash, number) != number:
            self._more.setdefault(key_hash, []).append(number)
        self.last = number

    def hashes(self) -> Iterable[int]:
        return self._first.keys()

    def numbers(self, hashes: Iterable[int]) -> Iterable[int]:
        return (number for _, number in self.rows(one for one in hashes if one in self._first))

    def rows(self, hashes: Iterable[int]) -> Iterable[tuple[int, int]]:
        return chain.from_iterable(
            ((one, number) for number in (self._first[one], *self._more.get(one, ()))) for one in hashes
        )


def json_list(values: Iterable[int]) -> str:
    """For ``json_each``: a statement that takes any count of values."""
    return orjson.dumps(list(values)).decode()
