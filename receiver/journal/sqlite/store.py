"""What the SQLite stores share: how a file is opened, versioned and spoken to.

Theory of operation.
A store is one file in the journal's folder, in WAL mode with ``synchronous=FULL``: a commit that returned is fsynced.
Each store has one writing process and any number of readers. Automatic checkpoints are off, since the commit that
triggers one pays for it: the writer's process checkpoints on a thread of its own, passively, and above a limit
the writer itself restarts the WAL without waiting for readers.

Every store carries in ``meta`` the journal's id (a UUID, the same in all stores of a folder), its own name and its
format version. SQLite is APSW's; releases before 3.51.3 can lose a commit when another connection checkpoints at that
moment (the WAL-reset bug), so an older library is refused.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import apsw

from receiver.model.errors import JournalError, StoreFailed

FORMAT_VERSIONS = {"inbox": 1, "outbox": 3, "requests": 1}
"""By store. From 2 on the outbox finds operations by a hash of their keys, in 3 through a table of its own."""
SQLITE_MIN = (3, 51, 3)
BUSY_TIMEOUT_MS = 5_000
"""A reader never waits for a writer in WAL mode; this is for the moments of opening and recovery."""
CHECKPOINT_BYTES = 16 * 1024 * 1024
"""New in a WAL before it is copied: measured, a third of the cost of copying after each batch."""
WAL_BYTES_MAX = 64 * 1024 * 1024
"""Above it the WAL is restarted: a passive checkpoint alone never shrinks one that is always read."""
PAGE_BYTES = 4096
STATEMENT_CACHE = 300
ROWS_AT_ONCE = (64, 8, 1)
"""Rows in one statement: few sizes, so that all of them stay prepared."""


def check_library() -> None:
    """Refuse an SQLite with the WAL-reset bug; raises ``JournalError``."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise JournalError(f"SQLite {apsw.sqlite_lib_version()} can lose commits (WAL-reset bug); {wanted} is needed")


def make_folder(folder: Path) -> None:
    """Make the journal's folder, readable by its owner only: its files hold whole card numbers."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def connect(
    path: Path, *, create: bool = False, read_only: bool = False, vfs: str | None = None, page_bytes: int = PAGE_BYTES
) -> apsw.Connection:
    """Open one store. Raises ``JournalError`` where there is no database, ``StoreFailed`` where the disk refuses.

    ``page_bytes`` is for a new file. ``vfs`` names another APSW file system, for tests of a slow or failing disk.
    """
    check_library()
    if create:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=STATEMENT_CACHE)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        if not read_only:
            if create:
                connection.pragma("page_size", page_bytes)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("wal_autocheckpoint", 0)
    except apsw.CantOpenError as error:
        raise JournalError(f"{path} cannot be opened: {error}") from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise JournalError(f"{path} is no intact SQLite database: {error}") from error
    except apsw.Error as error:
        raise StoreFailed(f"{path}: {error}") from error
    return connection


def create_schema(connection: apsw.Connection, store: str, journal_id: str) -> None:
    """Make the tables of ``sql/<store>.sql`` and its ``meta``, in one transaction; safe to repeat."""
    with transaction(connection):
        connection.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID")
        connection.execute(schema(store))
        for key, value in (("store", store), ("journal_id", journal_id), ("format_version", FORMAT_VERSIONS[store])):
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))


def schema(store: str) -> str:
    """Read ``sql/<store>.sql``: the statements that make the tables a store lacks."""
    return resources.files("receiver.journal.sqlite.sql").joinpath(f"{store}.sql").read_text("utf-8")


def read_meta(connection: apsw.Connection, path: Path, store: str, *, older: bool = False) -> dict[str, str | int]:
    """Give the store's ``meta``; raises ``JournalError`` where it is another store's or of another format.

    With ``older`` a format before ours will do: who asks for it is about to bring it to ours.
    """
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    except apsw.SQLError as error:
        raise JournalError(f"{path} is not a store of a journal: {error}") from error
    if meta.get("store") != store:
        raise JournalError(f"{path} holds the store {meta.get('store')!r}, not {store!r}")
    version, ours = meta.get("format_version"), FORMAT_VERSIONS[store]
    if not isinstance(version, int) or version > ours:
        raise JournalError(f"{path} has format version {version}; this release reads up to {ours}")
    if version < ours and not older:
        raise JournalError(f"{path} has format version {version}; `receiver serve` brings it to {ours} when it starts")
    return meta


class Wal:
    """Keeps the WAL of a writer's connection short; the writer asks it after each commit.

    By the pages that a commit reports, and not by the file's size, which stays when the WAL begins anew.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._pages = self._copied = 0
        self._page_bytes = int(connection.pragma("page_size"))
        connection.set_wal_hook(self._note)

    def look(self) -> None:
        """Checkpoint where enough has come together; never raises, since what was to be kept is committed."""
        if (self._pages - self._copied) * self._page_bytes <= CHECKPOINT_BYTES:
            return
        full = self._pages * self._page_bytes > WAL_BYTES_MAX
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if full else apsw.SQLITE_CHECKPOINT_PASSIVE
        with contextlib.suppress(apsw.Error):
            self._db.set_busy_timeout(0)
            try:
                self._db.wal_checkpoint(mode=mode)
                self._copied = self._pages
            finally:
                self._db.set_busy_timeout(BUSY_TIMEOUT_MS)

    def _note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:
            self._copied = 0
        self._pages = pages
        return apsw.SQLITE_OK


def insert(connection: apsw.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run an ``INSERT … VALUES (?, …)`` for all ``rows``, many in one statement: measured, cheaper than one by one."""
    waiting = list(rows)
    at = 0
    for size in ROWS_AT_ONCE:
        while len(waiting) - at >= size:
            connection.execute(_for_rows(statement, size), tuple(chain.from_iterable(waiting[at : at + size])))
            at += size


@lru_cache(maxsize=256)
def _for_rows(statement: str, count: int) -> str:
    head, _, tail = statement.partition("VALUES ")
    one = tail[: tail.index(")") + 1]
    return f"{head}VALUES {', '.join([one] * count)}{tail[len(one) :]}"


def key_hash(key: str) -> int:
    """CRC-32 of an operation's key as a signed number: SQLite keeps it in four bytes. Not unique."""
    return crc32(key.encode()) - (1 << 31)


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Run the body in one ``BEGIN IMMEDIATE`` … ``COMMIT``, whole or not at all; errors become ``StoreFailed``."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, apsw.Error):
            raise StoreFailed(str(error)) from error
        raise


def named_queries(store: str) -> Mapping[str, str]:
    """Read ``sql/<store>_queries.sql``: statements by the ``-- name:`` above each."""
    text = resources.files("receiver.journal.sqlite.sql").joinpath(f"{store}_queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: statement.strip() for name, statement in zip(parts[1::2], parts[2::2], strict=True)}
