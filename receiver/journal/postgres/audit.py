"""Looking at a journal as a whole: whether it fits, its accounts, its figures. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from receiver.journal.outbox_values import value_of
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox_rows import entry_from_row
from receiver.journal.postgres.seals import Seals, keys_needed
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import Keyring
from receiver.journal.sequences import FAULTS_MAX, Numbered, gaps
from receiver.model.callback import entry_digest
from receiver.model.errors import JournalError, StoreFailed

SQL, INDEX_SQL = named_queries("audit"), named_queries("index")
STEP = 2000
"""Rows in one statement: what is read has no bound."""


def check_fit(database: Database, ring: Keyring) -> None:
    """Whether each slot has read the callbacks that are there; raises ``JournalError`` where it read others."""
    for slot, number, digest in database.rows(SQL["read_to"]):
        for row in database.rows(SQL["entry"], slot, number):
            if digest and entry_digest(entry_from_row(Seals(database, "inbox", ring), row)) != digest:
                raise JournalError(
                    f"callback {number} in the database is not the one that slot {slot} has read: restore one backup"
                )


def check(database: Database, ring: Keyring) -> list[str]:
    """All that is wrong with a journal; raises ``JournalError`` where it cannot even be read."""
    check_fit(database, ring)
    unaccounted = database.rows(SQL["unaccounted"], FAULTS_MAX)
    without_record = database.rows(SQL["without_record"], FAULTS_MAX)
    records = (
        Numbered(number, kind, tuple(map(str, key)), partial(value_of, Seals(database, "outbox", ring), number, value))
        for number, kind, *key, value in _all(database, SQL["records"])
    )
    return [
        *(f"callback {row[0]} counts as interpreted, and became nothing" for row in unaccounted),
        *(f"callback {row[0]} became record {row[1]}, which is not there" for row in without_record),
        *gaps(records, purged=database.one(SQL["first_record"]) not in (None, 1)),
        *_unopened(database, ring),
    ]


def stats(database: Database, journal_id: str) -> Mapping[str, Any]:
    """Figures of a journal: counts, bytes, how far it is read and published."""
    figures = {
        name.removeprefix("stat_"): database.one(sql) or 0 for name, sql in SQL.items() if name.startswith("stat_")
    }
    outcomes = {f"outcome_{row[0]}": int(row[1]) for row in database.rows(SQL["outcomes"])}
    keys = {f"key_{key_id}_opens": count for key_id, count in keys_needed(database).items()}
    return {"journal": journal_id, **figures, "indexed_to": database.one(INDEX_SQL["indexed_to"]), **outcomes, **keys}


def _unopened(database: Database, ring: Keyring) -> Iterator[str]:
    # Every sealed row, so that one that was changed or put in another's place is known before it is needed.
    if not keys_needed(database):
        return
    for store in ("inbox", "outbox", "requests"):
        seals = Seals(database, store, ring)
        found = (_fault(seals, number, blob) for number, blob in _all(database, SQL[f"sealed_{store}"]))
        yield from islice((fault for fault in found if fault is not None), FAULTS_MAX)


def _fault(seals: Seals, number: int, blob: bytes) -> str | None:
    try:
        seals.open(number, blob)
    except (StoreFailed, JournalError) as error:
        return str(error)
    return None


def _all(database: Database, sql: str) -> Iterator[tuple[Any, ...]]:
    after = 0
    while rows := database.rows(sql, after, STEP):
        yield from rows
        after = rows[-1][0]
