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

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import apsw

from receiver.journal.sqlite.open_files import OpenFiles
from receiver.journal.sqlite.private import need_own_file, open_private, why_not_open
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.model.errors import JournalError, StoreFailed

SQL = named_queries("store")
FORMAT_VERSIONS = {"inbox": 1, "outbox": 5, "requests": 1}
"""By store. From 2 on the outbox finds operations by a hash of their keys, in 3 through a table of its
own. From 4 on quarantine names an entry by store and number. From 5 on operations keep marks of what
retention took from them."""
SEALED = 1000
"""Added to the version of a store that holds sealed rows, so that a release that cannot read them refuses it."""
SQLITE_MIN = (3, 51, 3)
BUSY_TIMEOUT_MS = 5_000
"""A reader never waits for a writer in WAL mode; this is for the moments of opening and recovery."""
PAGE_BYTES = 4096
STATEMENT_CACHE = 300


def check_library() -> None:
    """Refuse an SQLite with the WAL-reset bug; raises ``JournalError``."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise JournalError(f"SQLite {apsw.sqlite_lib_version()} can lose commits (WAL-reset bug); {wanted} is needed")


def connect(
    path: Path, *, create: bool = False, read_only: bool = False, vfs: str | None = None, page_bytes: int = PAGE_BYTES
) -> apsw.Connection:
    """Open one store. Raises ``JournalError`` where there is no database, ``StoreFailed`` where the disk refuses.

    ``page_bytes`` is for a new file. ``vfs`` names another APSW file system, for tests of a slow or failing disk.
    """
    check_library()
    for part in ("", "-wal", "-shm"):
        need_own_file(Path(f"{path}{part}"))
    if create:
        os.close(open_private(path, 0))
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
            connection.pragma("secure_delete", "on")  # what is deleted is overwritten: it was somebody's data
        if not _temp_folder():
            connection.pragma("temp_store", "memory")
    except UnicodeEncodeError:
        raise JournalError(f"{path}: SQLite opens paths in UTF-8 alone, and this is none") from None
    except apsw.CantOpenError as error:
        why = why_not_open(path, read_only=read_only) or error
        raise JournalError(f"{path} cannot be opened: {why}") from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise JournalError(f"{path} is no intact SQLite database: {error}") from error
    except apsw.Error as error:
        raise StoreFailed(f"{path}: {error}") from error
    return connection


@cache
def _temp_folder() -> bool:
    # SQLite's own list. A large statement or sort needs one, and a container with a read-only root may have none.
    folders = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp", ".")  # noqa: S108
    return any(folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK) for folder in folders)


def create_schema(connection: apsw.Connection, store: str, journal_id: str) -> None:
    """Make the tables of ``sql/<store>.sql`` and its ``meta``, in one transaction; safe to repeat."""
    with transaction(connection):
        connection.execute(SQL["make_meta"])
        connection.execute(schema(store))
        for key, value in (("store", store), ("journal_id", journal_id), ("format_version", FORMAT_VERSIONS[store])):
            connection.execute(SQL["set_meta"], (key, value))


def open_store(path: Path, store: str, *, read_only: bool, vfs: str | None = None) -> apsw.Connection:
    """Open a store that is there; raises ``JournalError`` where it is none of this name and format, ``StoreFailed``."""
    connection = connect(path, read_only=read_only, vfs=vfs)
    try:
        read_meta(connection, path, store)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def failures(store: str) -> Iterator[None]:
    """Run the body; errors of the driver come out as ``StoreFailed`` with the store's name."""
    try:
        yield
    except apsw.Error as error:
        raise StoreFailed(f"{store}: {error}") from error


def files_of(path: Path) -> OpenFiles:
    """The files of a store that was just opened; raises ``StoreFailed`` where one is gone already."""
    try:
        return OpenFiles(path)
    except OSError as error:
        raise StoreFailed(f"{path}: {error.strerror}") from error


class StoreConnection:
    """One connection to a store, for one thread at a time."""

    def __init__(self, connection: apsw.Connection, store: str, files: OpenFiles | None = None) -> None:
        """``files``: those of who writes here."""
        self._db = connection
        self._store = store
        self._files = files

    def _need_files(self) -> None:
        # What is committed to a file that has no name is gone with this process, and nobody would notice until then.
        fault = self._files.fault() if self._files is not None else None
        if fault is not None:
            raise StoreFailed(f"{self._store}: {fault}")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        # Read to the end at once: an open cursor would keep the WAL from being restarted.
        with failures(self._store):
            return list(self._db.execute(sql, bindings))


def read_meta(connection: apsw.Connection, path: Path, store: str, *, older: bool = False) -> dict[str, str | int]:
    """Give the store's ``meta``; raises ``JournalError`` where it is another store's or of another format.

    With ``older`` a format before ours will do: who asks for it is about to bring it to ours.
    """
    try:
        meta = dict(connection.execute(SQL["meta"]))
    except apsw.SQLError as error:
        raise JournalError(f"{path} is not a store of a journal: {error}") from error
    if meta.get("store") != store:
        raise JournalError(f"{path} holds the store {meta.get('store')!r}, not {store!r}")
    version, ours = meta.get("format_version"), FORMAT_VERSIONS[store]
    if isinstance(version, int) and version > SEALED:
        version -= SEALED
    if not isinstance(version, int) or version > ours:
        raise JournalError(
            f"{path} has format version {version}; this release reads up to {ours}: "
            "go on with the release that wrote it, or restore a backup from before the upgrade"
        )
    if version < ours and not older:
        raise JournalError(f"{path} has format version {version}; `receiver serve` brings it to {ours} when it starts")
    return meta


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
