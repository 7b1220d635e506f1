"""Looking at a journal as a whole: integrity, accounts, figures, and a consistent copy. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import apsw

from receiver.journal.outbox_values import value_of
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sequences import FAULTS_MAX, Numbered, gaps
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.folder import STORES, check_whole, keys_needed
from receiver.journal.sqlite.index_postings import SqlitePostings
from receiver.journal.sqlite.private import make_folder
from receiver.journal.sqlite.seals import Seals, keys_in
from receiver.journal.sqlite.statements import named_queries
from receiver.model.errors import JournalError, StoreFailed

SQL = named_queries("audit")
SEALED_ROWS = {"inbox": SQL["sealed_inbox"], "outbox": SQL["sealed_outbox"], "requests": SQL["sealed_requests"]}
COPY_PAGES = 4096
"""Copied between two looks at the other processes."""


def check(folder: Path, ring: Keyring = NO_KEYS) -> list[str]:
    """All that is wrong with a journal; raises ``JournalError`` where it cannot even be read."""
    check_whole(folder, ring)
    faults: list[str] = []
    for store in STORES:
        connection = sqlite.connect(folder / f"{store}.db", read_only=True)
        try:
            said = [str(row[0]) for row in list[Any](connection.execute(SQL["integrity"]))]
            faults += [f"{store}.db: {line}" for line in said if line != "ok"]
        except apsw.Error as error:
            faults.append(f"{store}.db: {error}")
        finally:
            connection.close()
    with _Both(folder, ring) as both:
        faults += both.unaccounted()
        faults += both.without_record()
        faults += both.without_key()
        faults += list(_sequences(both))
    return faults + list(_unopened(folder, ring))


def stats(folder: Path, ring: Keyring = NO_KEYS) -> dict[str, Any]:
    """Figures of a journal: sizes in bytes, counts, how far it is read and published."""
    journal_id = check_whole(folder, ring)
    with _Both(folder, ring) as both:
        figures = {name.removeprefix("stat_"): both.one(sql) for name, sql in SQL.items() if name.startswith("stat_")}
        outcomes = {str(row[0]): int(row[1]) for row in both.rows(SQL["outcomes"])}
    keys = {f"key_{key_id}_opens": count for key_id, count in keys_needed(folder).items()}
    sizes = {
        f"{store}_bytes": sum(path.stat().st_size for path in folder.glob(f"{store}.db*"))
        for store in (*STORES, "search")
    }
    with closing(SqlitePostings(folder, journal_id, ring)) as postings:
        indexed = {"indexed_to": postings.indexed_to() or 0}
    outcomes = {f"outcome_{name}": count for name, count in outcomes.items()}
    return {"journal": journal_id, **figures, **indexed, **outcomes, **keys, **sizes}


def _unopened(folder: Path, ring: Keyring) -> Iterator[str]:
    # Every sealed row, so that one that was changed or put in another's place is known before it is needed.
    for store in STORES:
        connection = sqlite.connect(folder / f"{store}.db", read_only=True)
        try:
            if keys_in(connection):
                seals = Seals(connection, store, ring)
                found = (_fault(seals, *row) for row in connection.execute(SEALED_ROWS[store]))
                yield from islice((fault for fault in found if fault is not None), FAULTS_MAX)
        finally:
            connection.close()


def _fault(seals: Seals, number: Any, blob: Any) -> str | None:
    try:
        seals.open(int(number), bytes(blob))
    except (StoreFailed, JournalError) as error:
        return str(error)
    return None


def backup(folder: Path, target: Path, ring: Keyring = NO_KEYS) -> list[Path]:
    """Copy all stores consistently, also while a service writes to them; ``target`` must not exist or be empty.

    The outbox is copied first: an inbox that holds more than its outbox has read fits, the other way round it does not.
    """
    check_whole(folder, ring)
    if target.exists() and any(target.iterdir()):
        raise JournalError(f"{target} is not empty; a backup is never written over another")
    make_folder(target)
    copies = []
    for store in ("outbox", "inbox", "requests"):
        source = sqlite.connect(folder / f"{store}.db", read_only=True)
        page_bytes = int(source.pragma("page_size"))  # a copy in WAL mode cannot take on another
        copy = sqlite.connect(target / f"{store}.db", create=True, page_bytes=page_bytes)
        try:
            with copy.backup("main", source, "main") as progress:
                while not progress.done:
                    progress.step(COPY_PAGES)
        except apsw.Error as error:
            raise StoreFailed(f"{store}.db cannot be copied: {error}") from error
        finally:
            copy.close()
            source.close()
        copies.append(target / f"{store}.db")
    check_whole(target, ring)
    return copies


class _Both:
    """The outbox with the inbox attached, read only."""

    def __init__(self, folder: Path, ring: Keyring) -> None:
        self._db = sqlite.connect(folder / "outbox.db", read_only=True)
        self.seals = Seals(self._db, "outbox", ring)
        self._db.execute(SQL["attach_inbox"], (str(folder / "inbox.db"),))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def rows(self, sql: str) -> Iterator[Any]:
        """The rows of a query, one at a time."""
        yield from self._db.execute(sql)

    def one(self, sql: str) -> Any:
        """The first value of a query, None where it gives nothing."""
        return next((row[0] for row in self.rows(sql)), None)

    def unaccounted(self) -> list[str]:
        """Callbacks that count as interpreted and became nothing."""
        numbers = [int(row[0]) for row in self.rows(SQL["unaccounted"])]
        return [f"callback {n} counts as interpreted, and became nothing" for n in numbers[:FAULTS_MAX]]

    def without_record(self) -> list[str]:
        """Callbacks whose event or quarantine record is not there."""
        found = list(self.rows(SQL["without_record"]))[:FAULTS_MAX]
        return [f"callback {row[0]} became record {row[1]}, which is not there" for row in found]

    def without_key(self) -> list[str]:
        """Operations that nobody would find: their next callback would begin them anew."""
        found = list(self.rows(SQL["without_key"]))[:FAULTS_MAX]
        return [f"operation {row[0]} ({row[1]}) is not in the table of keys" for row in found]


def _sequences(both: _Both) -> Iterator[str]:
    records = (
        Numbered(
            int(number),
            str(record_type),
            (str(provider), str(account), str(kind), str(operation_id)),
            partial(value_of, both.seals, int(number), value),
        )
        for number, record_type, provider, account, kind, operation_id, value in both.rows(SQL["records"])
    )
    return gaps(records, purged=both.one(SQL["first_record"]) not in (None, 1))
