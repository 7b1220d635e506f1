"""The requests on PostgreSQL: several processes may write, one after the other, and numbers have no gap.

They are few, so a row that each of them updates gives the numbers, in the order of commits. No horizon is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring, is_sealed
from receiver.journal.slots import HeldSlot
from receiver.model.records import Request
from receiver.model.times import day_of

STORE = "requests"
SQL = named_queries(STORE)


class PostgresRequests:
    """``ports.Requests``; to be used by one thread at a time."""

    def __init__(self, address: Address, ring: Keyring = NO_KEYS, held: HeldSlot | None = None) -> None:
        """Without ``held`` it reads all slots, and adds for slot 0."""
        self._slot = held.slot if held else None
        self._db = Database(address, STORE)
        self._seals = Seals(self._db, STORE, ring)

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Commit one request and give its number; raises ``StoreFailed``."""
        self._seals.prepare([day_of(made_at_us)])
        with self._db.transaction():
            return add_request(self._db, self._seals, request_type, made_at_us, payload, self._slot or 0)

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests above ``after``, ascending."""
        rows = self._db.rows(SQL["read"], after, limit, self._slot)
        return [Request(row[0], row[1], row[2], self._payload(row[0], row[3])) for row in rows]

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new store."""
        return int(self._db.one(SQL["last_number"]))

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _payload(self, number: int, kept: bytes) -> Any:
        return orjson.loads(self._seals.open(number, kept) if is_sealed(kept) else kept)


def add_request(  # noqa: PLR0913, PLR0917  a row
    database: Database, seals: Seals, request_type: str, made_at_us: int, payload: Mapping[str, Any], slot: int = 0
) -> int:
    """Add one in the transaction under way and give its number; ``seals`` is prepared for its day."""
    content = orjson.dumps(payload)
    number = int(database.one(SQL["next_number"]))
    if seals.sealing:
        content = seals.seal(day_of(made_at_us), number, content)
    database.rows(SQL["add"], number, slot, request_type, made_at_us, content)
    return number
