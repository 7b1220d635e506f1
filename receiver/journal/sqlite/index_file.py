"""The file of the index: how it is opened, found damaged or foreign, and made anew.

It is written without an fsync (``synchronous=off``). The end of a process harms it not; the end of the machine may.
So who writes notes the machine's boot in it, and takes the note out when it ends: one that is still there after another
boot says that the file cannot be trusted.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw

from receiver.journal.index_words import Words, words_of
from receiver.journal.sealed import Keyring
from receiver.journal.sqlite.statements import named_queries, schema
from receiver.journal.sqlite.store import SQL as STORE_SQL
from receiver.journal.sqlite.store import connect, transaction
from receiver.journal.terms import FORMAT
from receiver.model.errors import JournalError, StoreFailed

SQL = named_queries("index")
FILE = "search.db"
AUTOCHECKPOINT_PAGES = 4000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BOOT = "boot"


def open_to_read(folder: Path, journal_id: str, ring: Keyring) -> tuple[apsw.Connection, Words] | None:
    """The index that is there; None where there is none, or it is none of this journal, format and keys."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        connection = connect(path, read_only=True)
    except (JournalError, StoreFailed):
        return None
    words = None
    with contextlib.suppress(apsw.Error, JournalError):
        words = _fitting(connection, journal_id, ring, exactly=False)
    if words is None:
        connection.close()
        return None
    return connection, words


def open_to_write(folder: Path, journal_id: str, ring: Keyring) -> tuple[apsw.Connection, Words]:
    """The index, made anew where it is missing, damaged, or of another journal, format or key; raises ``StoreFailed``.

    Others that have the file open go on with the one that is no longer there.
    """
    path = folder / FILE
    with contextlib.suppress(apsw.Error, JournalError):
        if path.exists():
            connection = _connect(path)
            words = None
            with contextlib.suppress(apsw.Error, JournalError):
                words = _fitting(connection, journal_id, ring, exactly=True)
            if words is not None:
                return connection, words
            connection.close()
    remove(folder)
    return _make(path, journal_id, ring)


def remove(folder: Path) -> None:
    """Delete it; raises ``StoreFailed``."""
    try:
        for part in ("-wal", "-shm", ""):
            (folder / f"{FILE}{part}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreFailed(f"{folder / FILE}: {error.strerror}") from error


def identity(folder: Path) -> tuple[int, int] | None:
    """Which file it is, to notice that it was deleted or made anew; None where there is none."""
    try:
        found = (folder / FILE).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def note_end(connection: apsw.Connection) -> None:
    """Have all of it safe on the disk, and take the note of this boot out; where that fails, the note stays."""
    with contextlib.suppress(StoreFailed, apsw.Error):
        connection.pragma("synchronous", "full")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        with transaction(connection):
            connection.execute(SQL["note_boot"], ("",))


def _connect(path: Path, *, create: bool = False) -> apsw.Connection:
    connection = connect(path, create=create)
    connection.pragma("synchronous", "off")
    connection.pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES)
    return connection


def _make(path: Path, journal_id: str, ring: Keyring) -> tuple[apsw.Connection, Words]:
    connection = _connect(path, create=True)
    words = words_of(ring.first, journal_id)
    try:
        with transaction(connection):
            connection.execute(STORE_SQL["make_meta"])
            connection.execute(schema("index"))
            about = {"store": "search", "journal_id": journal_id, "format_version": FORMAT, "key_id": words.key_id}
            for key, value in (about | {BOOT: ""}).items():
                connection.execute(STORE_SQL["set_meta"], (key, value))
    except BaseException:
        connection.close()
        raise
    return connection, words


def _fitting(connection: apsw.Connection, journal_id: str, ring: Keyring, *, exactly: bool) -> Words | None:
    meta = dict(connection.execute(STORE_SQL["meta"]))
    first = "" if ring.first is None else ring.first.key_id
    key_id = str(meta.get("key_id"))
    if (meta.get("format_version"), meta.get("journal_id")) != (FORMAT, journal_id):
        return None
    if meta.get(BOOT) not in {"", boot()} or (exactly and key_id != first):
        return None
    return words_of(ring.find(key_id) if key_id else None, journal_id)


def boot() -> str:
    """Which boot of the machine this is."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return "unknown"
