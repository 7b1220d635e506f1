"""Forgetting one operation in a journal's files, also beside a running service.

Each store is changed in a transaction of its own, the outbox last: with it goes the record of the act. Whatever ends
the process before leaves an operation that can be erased once more. The index is changed before the outbox, too. What
was deleted is overwritten (``secure_delete``), and the write-ahead logs, which hold it as well, are emptied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import orjson

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.outbox_values import days_of, record_row
from receiver.journal.sealed import Keyring
from receiver.journal.sqlite.folder import journal_id_of
from receiver.journal.sqlite.index_writer import forget_in_index
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.journal.sqlite.store import BUSY_TIMEOUT_MS, connect, failures, open_store, transaction

SQL = named_queries("erase")
EMPTY_TRIES, EMPTY_WAIT_MS = 10, 100
"""To empty a log, which nobody may write or read meanwhile: a writer that waits for so short a time does not notice."""


def erase(folder: Path, ring: Keyring, erasure: Erasure, act: Erased) -> list[str]:
    """Destroy it, and keep the act; gives the stores in whose logs the bytes stand until the service overwrites them.

    Raises ``JournalError``, ``StoreFailed``.
    """
    logs = [
        _in_store(folder, "rejects", lambda db: _drop(db, "drop_reject", erasure.rejects)),
        _in_store(folder, "requests", lambda db: _forget_answers(db, erasure)),
        _in_store(folder, "inbox", lambda db: _drop(db, "drop_callback", erasure.callbacks)),
    ]
    journal_id = journal_id_of(folder, ring)
    indexed_to = forget_in_index(folder, journal_id, ring, erasure.records)
    with _opened(folder, "outbox") as connection:
        seals = Seals(connection, "outbox", ring)
        seals.prepare(days_of(erasure.records))
        with transaction(connection):
            _empty(connection, seals, erasure, act)
        logs.append(None if _emptied_log(connection) else "outbox")
    later = [record for record in erasure.records if record.number > indexed_to]
    if later:  # they may have been indexed before they were emptied
        forget_in_index(folder, journal_id, ring, later)
    return [store for store in logs if store is not None]


def acts(folder: Path) -> list[Erased]:
    """What was erased, in order; raises ``JournalError``, ``StoreFailed``."""
    with closing(open_store(folder / "outbox.db", "outbox", read_only=True)) as connection, failures("outbox"):
        if not connection.table_exists(None, "erasures"):
            return []
        return [
            Erased(row[0], row[1], row[2], row[3], orjson.loads(row[4]))
            for row in list[Any](connection.execute(SQL["acts"]))
        ]


@contextmanager
def _opened(folder: Path, store: str) -> Iterator[apsw.Connection]:
    path = folder / f"{store}.db"
    # The sample of rejects is no store of the journal, and has no version.
    connection = connect(path) if store == "rejects" else open_store(path, store, read_only=False)
    with closing(connection), failures(store):
        yield connection


def _in_store(folder: Path, store: str, change: Callable[[apsw.Connection], None]) -> str | None:
    if not (folder / f"{store}.db").exists():
        return None
    with _opened(folder, store) as connection:
        with transaction(connection):
            change(connection)
        return None if _emptied_log(connection) else store


def _drop(connection: apsw.Connection, query: str, numbers: tuple[int, ...]) -> None:
    if numbers:
        connection.executemany(SQL[query], ((number,) for number in numbers))


def _forget_answers(connection: apsw.Connection, erasure: Erasure) -> None:
    _drop(connection, "drop_answer", erasure.answers)
    if connection.table_exists(None, "watched"):
        for watched in erasure.watched:
            connection.execute(SQL["stop_watching"], watched)


def _empty(connection: apsw.Connection, seals: Seals, erasure: Erasure, act: Erased) -> None:
    for record in erasure.records:
        connection.execute(SQL["empty_record"], record_row(seals, record))
    connection.execute(SQL["empty_digests"], (erasure.operation,))
    for store, numbers in (("inbox", erasure.callbacks), ("requests", erasure.answers)):
        for number in numbers:
            connection.execute(SQL["close_quarantine"], (f"erased: {act.reason}", store, number))
    connection.execute(schema("erase"))
    row = (act.operation, act.erased_at_us, act.who, act.reason, orjson.dumps(act.what).decode())
    connection.execute(SQL["note"], row)


def _emptied_log(connection: apsw.Connection) -> bool:
    connection.set_busy_timeout(EMPTY_WAIT_MS)
    try:
        for _ in range(EMPTY_TRIES):
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                continue
            return True
        return False
    finally:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
