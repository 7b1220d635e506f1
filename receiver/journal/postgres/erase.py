"""Forgetting one operation, also beside a running service: one transaction, and the record of the act with it.

A database overwrites nothing at once: what was deleted stands in its pages until they are vacuumed and used again, in
its log until that is recycled, and in whatever was copied of both. So who asks is told that the bytes stay a while.
"""

from __future__ import annotations

import orjson

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.outbox_values import days_of
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.outbox_rows import key_digest, record_columns
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import Keyring
from receiver.journal.watchlist import NEVER_US

SQL = {**named_queries("outbox"), **named_queries("erase")}
STAYS_IN = "the database's pages and log"
"""Where the bytes stand a while longer."""


def erase(database: Database, ring: Keyring, erasure: Erasure, act: Erased) -> list[str]:
    """Destroy it, and keep the act; gives where the bytes stand a while longer. Raises ``StoreFailed``."""
    seals = Seals(database, "outbox", ring)
    seals.prepare(days_of(erasure.records))
    with database.transaction():
        database.rows(SQL["drop_rejects"], list(erasure.rejects))
        database.rows(SQL["drop_answers"], list(erasure.answers))
        database.rows(SQL["drop_callbacks"], list(erasure.callbacks))
        for source, operation_id in erasure.watched:
            database.rows(SQL["stop_watching"], source, operation_id, NEVER_US)
        if erasure.records:
            database.rows(SQL["put_records"], *record_columns(seals, erasure.records))
        database.rows(SQL["empty_digests"], key_digest(erasure.operation))
        for store, numbers in (("inbox", erasure.callbacks), ("requests", erasure.answers)):
            database.rows(SQL["close_quarantine"], f"erased: {act.reason}", store, list(numbers))
        what = orjson.dumps(act.what)
        database.rows(SQL["note"], act.operation, act.erased_at_us, act.who, act.reason, what)
    return [STAYS_IN]


def acts(database: Database) -> list[Erased]:
    """What was erased, in order; raises ``StoreFailed``."""
    return [
        Erased(operation, at_us, who, reason, orjson.loads(what))
        for operation, at_us, who, reason, what in database.rows(SQL["acts"])
    ]
