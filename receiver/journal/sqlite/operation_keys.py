"""Finds operations by their keys, through a table that is written in sorted slices.

Theory of operation.
A key is found by 32 bits of its hash in the table ``operation_keys``. Hashes scatter: put there one by one, each new
operation would write a page of its own somewhere in a long table, and that page again when the WAL is copied. So the
hashes of new operations gather in a table in memory, ``gathered``, of which SQLite makes one for each connection. When
enough are there, a sweep begins: each commit that has new operations moves the next slice of hashes to the table of the
file, in their order, so that neighbours share a page and no commit is long.

What memory holds is never needed after a crash. ``operations`` keeps the hash of each key too, and when a sweep has
come to the end ``meta`` notes the number up to which all are in the file's table: those above are gathered again, and
what was moved before is moved again, which changes nothing. A hash can stand for several keys, and a row for an
operation that a person had undone: what is found is a candidate until its key is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import apsw
import orjson

from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.statements import named_queries

GATHER = 65_536
"""New operations before a sweep begins: with a million in the table, three and more share a page of it."""
SLICE_TIMES = 4
"""Hashes that a commit moves for each new operation in it, at least."""
SLICES_MAX = 256
"""Commits that a sweep takes, about: it begins anew with the process, and has to end where few callbacks come too."""
HASH_MIN, HASH_MAX = -(1 << 31), (1 << 31) - 1

SQL = named_queries("keys")


class OperationKeys:
    """The numbers of operations by their keys. On the connection of an outbox, and like it for one thread at a time.

    Everything raises what the driver raises. After a transaction with ``sweep`` failed, ``forget`` is to be called.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self.forget()

    def forget(self) -> None:
        """Take nothing that is in memory for true: the next question reads it again."""
        self._ready = False
        self._count = 0
        self._read_to = 0
        """The highest number that was gathered."""
        self._next: int | None = None
        """The next hash to move, None where none moves."""
        self._sweep_to = 0
        """The highest number when the sweep began."""
        self._slice = 0
        """Hashes that a commit moves in this sweep, at least."""

    def candidates(self, keys: Iterable[str]) -> list[int]:
        """The numbers of all known operations among ``keys``, and perhaps of others that share a hash with one."""
        hashes = {sqlite.key_hash(key) for key in keys}
        if not hashes:
            return []
        self._gather()
        return self._of_hashes("candidates", hashes)

    def _of_hashes(self, name: str, hashes: Collection[int]) -> list[int]:
        given = json_list(hashes)
        return [int(row[0]) for row in list[Any](self._db.execute(SQL[name], (given, given)))]

    def numbers_once(self, keys: Collection[str]) -> dict[str, int]:
        """The same as ``numbers`` for a connection that asks little: it gathers nothing.

        Measured with 35 000 operations that are not in the file's table: a few ms, where gathering them takes forty.
        """
        return self._named(keys, self._of_hashes("candidates_once", {sqlite.key_hash(key) for key in keys}))

    def numbers(self, keys: Collection[str]) -> dict[str, int]:
        """The numbers of those operations that are known, by their keys."""
        return self._named(keys, self.candidates(keys))

    def _named(self, keys: Collection[str], found: Collection[int]) -> dict[str, int]:
        rows = list[Any](self._db.execute(SQL["keys"], (json_list(found),))) if found else ()
        return {key: number for number, key in rows if key in keys}

    def numbered(self, keys: Collection[str]) -> tuple[dict[str, int], list[str]]:
        """The same with the next numbers for those that are new, and which these are; within their transaction.

        A number that counts as moved, or soon will, is never given again, also where its operation is gone.
        """
        known = self.numbers(keys)
        last = max(self._one("last_number"), self._read_to)
        new = [key for key in keys if key not in known]
        return known | dict(zip(new, range(last + 1, last + 1 + len(new)), strict=True)), new

    def sweep(self, added: int) -> None:
        """Move a slice, if it is time, in the transaction under way, which has put ``added`` new operations."""
        if not added:
            return
        self._gather()
        if self._next is None and self._count >= GATHER:
            self._next, self._sweep_to = HASH_MIN, self._read_to
            self._slice = -(-self._count // SLICES_MAX)
        if self._next is not None:
            self._move(self._next, max(self._slice, SLICE_TIMES * added))

    def put_at_once(self, key: str, number: int) -> None:
        """Put an operation into the file's table: its number may be below what others have read."""
        self._db.execute(SQL["index"], (sqlite.key_hash(key), number))

    def _move(self, first: int, count: int) -> None:
        # Whole hashes only: the slice ends with all operations of its last one.
        last = next((int(row[0]) for row in list[Any](self._db.execute(SQL["nth"], (first, count - 1)))), HASH_MAX)
        self._db.execute(SQL["move"], (first, last))
        self._db.execute(SQL["moved"], (first, last))
        self._count -= self._db.changes()
        self._next = last + 1
        if last == HASH_MAX:
            self._db.execute(SQL["set_indexed_to"], (self._sweep_to,))
            self._next = None

    def _gather(self) -> None:
        # All that is not in the file's table the first time, then what was added since, by whatever connection.
        if not self._ready:
            self._db.execute(SQL["make_gathered"])
            self._ready = True
        last = self._one("last_number")
        if last > self._read_to:
            self._db.execute(SQL["gather"], (self._read_to,))
            self._count += self._db.changes()
            self._read_to = last

    def _one(self, name: str) -> int:
        return int(next(iter(list[Any](self._db.execute(SQL[name]))))[0])


def json_list(values: Iterable[int]) -> str:
    """For ``json_each``: a statement that takes any count of values."""
    return orjson.dumps(list(values)).decode()
