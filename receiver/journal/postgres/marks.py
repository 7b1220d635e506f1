"""What outlives an interpreting process, and how far runs of replay came: small rows.

A mark is for the death of a process, not of the machine, so its commit waits for no disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.journal.slots import HeldSlot

SQL = named_queries("marks")


class PostgresMarks:
    """``ports.Marks`` of one slot. The supervisor reads what the process that it lost had set."""

    def __init__(self, address: Address, held: HeldSlot | None = None) -> None:
        self._db = Database(address, "marks", address.options.commit_timeout_s)
        self._slot = held.slot if held else 0

    def set(self, first: int, last: int) -> None:
        """Callbacks ``first`` to ``last`` are being interpreted; 0, 0: none are."""
        with self._db.transaction():
            self._db.rows(SQL["hurry"])
            self._db.rows(SQL["set"], self._slot, first, last)

    def read(self) -> tuple[int, int]:
        """What was being interpreted last; (0, 0) for nothing."""
        return next(((int(row[0]), int(row[1])) for row in self._db.rows(SQL["read"], self._slot)), (0, 0))

    def lessons(self) -> Mapping[str, Any]:
        """The document that was kept; empty where there is none that can be read."""
        try:
            document = orjson.loads(self._db.one(SQL["lessons"], self._slot) or b"{}")
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def keep_lessons(self, document: Mapping[str, Any]) -> None:
        """Keep it, whole or not at all."""
        self._db.rows(SQL["keep_lessons"], self._slot, orjson.dumps(document))

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()
