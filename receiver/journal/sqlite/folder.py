"""The journal's folder: its three stores are made together, and fit together, or nothing starts.

A folder put together from two backups would give new callbacks numbers that already count as read. So every store
carries the journal's id, and the outbox remembers number and digest of the last entry it read of each other store:
on start that entry must still be that entry. A small file beside them, ``journal.id``, outlives them: where it is there
and no store is, the journal was lost, and an empty one in its place would look as if nothing had ever been.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import apsw

from receiver.journal.sealed import NO_KEYS, Keyring, missing
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.inbox_rows import entry_from_row
from receiver.journal.sqlite.private import make_folder, open_private
from receiver.journal.sqlite.seals import Seals, key_ids_in, keys_in
from receiver.journal.sqlite.statements import named_queries
from receiver.journal.sqlite.upgrade import upgrade_outbox
from receiver.model.callback import entry_digest
from receiver.model.errors import JournalBusy, JournalError, StoreFailed

STORES = ("inbox", "outbox", "requests")
SQL = named_queries("folder")
PAGE_BYTES = {"outbox": 1024}
"""Where they are not as usual. In a table of ten million hashes a slice writes most pages that it passes, so small ones
are better; with a million and with none 4 KiB were measured to be alike."""
KNOWN = "journal.id"
"""The id of the journal that was here last, on a line of its own."""
SEQUENCE = {"inbox": "callbacks", "requests": "requests"}


def acquire(folder: Path, name: str) -> int:
    """Lock ``<name>.lock`` in ``folder``; raises ``JournalBusy`` if it is held. Free when the descriptor is closed.

    Raises ``StoreFailed`` where the folder takes no file.
    Children that inherit the descriptor share the lock: it is free only when the last of them has ended.
    """
    descriptor = open_private(folder / f"{name}.lock", 0)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalBusy(f"another receiver holds the journal in {folder} ({name}.lock)") from None
    except OSError as error:  # a network file system without locks
        os.close(descriptor)
        raise StoreFailed(f"{folder / name}.lock cannot be locked: {error.strerror}") from None
    return descriptor


def acquire_journal(folder: Path) -> tuple[int, ...]:
    """Lock the journal in ``folder``; the first descriptor is the lock file's. Raises as ``acquire`` does.

    Who takes ``journal.lock`` for a stale file and deletes it would let a second service in beside the first; so who
    holds it holds the folder itself as well, where the file system has locks for folders.
    """
    descriptor = acquire(folder, "journal")
    try:
        return descriptor, *_acquire_folder(folder)
    except BaseException:
        os.close(descriptor)
        raise


def _acquire_folder(folder: Path) -> tuple[int, ...]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreFailed(f"{folder}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalBusy(f"another receiver holds the journal in {folder}, though its journal.lock is gone") from None
    except OSError:  # a network file system, most likely
        os.close(descriptor)
        return ()
    return (descriptor,)


def make_or_check(folder: Path, ring: Keyring = NO_KEYS) -> str:
    """Make the journal if there is none, else check that its stores fit, and bring an older format to ours; its id.

    Raises ``JournalError`` (stores of different journals, a missing store beside a used one, a newer format, an outbox
    that has read another inbox, no stores where a journal was) and ``StoreFailed``. The caller holds the folder's lock.
    """
    make_folder(folder)
    present = {store: (folder / f"{store}.db") for store in STORES if (folder / f"{store}.db").exists()}
    with ExitStack() as stack:
        connections = {}
        for store, path in present.items():
            connection = sqlite.connect(path)
            stack.callback(connection.close)
            if connection.pragma("schema_version") == 0:
                continue  # a crash came between making the file and its tables: as good as absent
            connections[store] = connection
        journal_id = _common_id(folder, connections, older=True)
        _need_keys(connections.values(), ring)
        _refuse_missing(folder, connections)
        if not connections:
            _refuse_lost(folder)
        if len(connections) == len(STORES):
            _check_fit(folder, connections, ring)
        if "outbox" in connections:  # only now: a folder that is refused stays as it is
            upgrade_outbox(connections["outbox"])
            _common_id(folder, connections)
    for store in STORES:
        if store not in connections:
            _make_store(folder, store, journal_id)
    _note(folder, journal_id)
    return journal_id


def journal_id_of(folder: Path, ring: Keyring = NO_KEYS) -> str:
    """The journal's id, by its outbox; raises ``JournalError``, also where a key is missing. Changes nothing."""
    path = folder / "outbox.db"
    with ExitStack() as stack:
        connections = {}
        for store in STORES:
            if store == "outbox" or (folder / f"{store}.db").exists():
                connections[store] = sqlite.connect(folder / f"{store}.db", read_only=True)
                stack.callback(connections[store].close)
        journal_id = str(sqlite.read_meta(connections["outbox"], path, "outbox", older=True)["journal_id"])
        _need_keys(connections.values(), ring)
        return journal_id


def keys_needed(folder: Path) -> dict[str, int]:
    """Id of each master key that the folder's files need → how many data keys it opens; raises ``JournalError``."""
    found = Counter[str]()
    for path in sorted(folder.glob("*.db")):
        connection = sqlite.connect(path, read_only=True)
        try:
            found.update(one.key_id for one in keys_in(connection))
        finally:
            connection.close()
    return dict(found)


def _need_keys(connections: Iterable[apsw.Connection], ring: Keyring) -> None:
    # Nothing begins with bodies of which a part cannot be read.
    unknown = {key_id for connection in connections for key_id in key_ids_in(connection)} - set(ring.ids)
    if unknown:
        raise JournalError(missing(unknown, ring.ids))


def check_whole(folder: Path, ring: Keyring = NO_KEYS) -> str:
    """Check that a journal's stores are there and fit, and give its id; raises ``JournalError``. Changes nothing."""
    lacking = [f"{store}.db" for store in STORES if not (folder / f"{store}.db").exists()]
    if lacking:
        raise JournalError(f"there is no whole journal in {folder}: it lacks {', '.join(lacking)}")
    with ExitStack() as stack:
        connections = {}
        for store in STORES:
            connections[store] = sqlite.connect(folder / f"{store}.db", read_only=True)
            stack.callback(connections[store].close)
        journal_id = _common_id(folder, connections)
        _need_keys(connections.values(), ring)
        _check_fit(folder, connections, ring)
    return journal_id


def _make_store(folder: Path, store: str, journal_id: str) -> None:
    connection = sqlite.connect(
        folder / f"{store}.db", create=True, page_bytes=PAGE_BYTES.get(store, sqlite.PAGE_BYTES)
    )
    try:
        sqlite.create_schema(connection, store, journal_id)
    except StoreFailed as error:
        why = os.strerror(connection.system_errno) if connection.system_errno else error
        raise StoreFailed(f"{folder / store}.db cannot be made: {why}") from error
    finally:
        connection.close()


def _common_id(folder: Path, connections: dict[str, apsw.Connection], *, older: bool = False) -> str:
    ids = {
        store: str(sqlite.read_meta(connection, folder / f"{store}.db", store, older=older).get("journal_id"))
        for store, connection in connections.items()
    }
    if len(set(ids.values())) > 1:
        said = ", ".join(f"{store}.db {journal_id}" for store, journal_id in ids.items())
        raise JournalError(f"the stores in {folder} belong to different journals ({said}): restore one whole backup")
    return next(iter(ids.values()), str(uuid.uuid4()))


def _refuse_missing(folder: Path, connections: dict[str, apsw.Connection]) -> None:
    lacking = [f"{store}.db" for store in STORES if store not in connections]
    used = [store for store, connection in connections.items() if _sequence_total(connection) > 0]
    if lacking and used:
        raise JournalError(f"{folder} lacks {', '.join(lacking)} beside stores in use: restore one whole backup")


def _note(folder: Path, journal_id: str) -> None:
    known = folder / KNOWN
    os.close(open_private(known, 0))
    if known.read_text("ascii", "replace").strip() != journal_id:
        known.write_text(f"{journal_id}\n", "ascii")


def _refuse_lost(folder: Path) -> None:
    known = folder / KNOWN
    if known.exists():
        raise JournalError(
            f"{folder} held the journal {known.read_text('ascii', 'replace').strip()}, and its stores are gone: "
            f"restore a backup, or delete {known} to begin with an empty journal"
        )


def _sequence_total(connection: apsw.Connection) -> int:
    return int(next(iter(connection.execute(SQL["numbers_given"])))[0])


def _check_fit(folder: Path, connections: dict[str, apsw.Connection], ring: Keyring) -> None:
    for store, number, digest in list(connections["outbox"].execute(SQL["progress"])):
        table = SEQUENCE[str(store)]
        found = list(connections[str(store)].execute(SQL["last_number"], (table,)))
        last = int(found[0][0]) if found else 0
        if last < int(number):
            raise JournalError(
                f"the outbox in {folder} has read {store} up to {number}, which ends at {last}: "
                f"{store}.db is older than outbox.db; restore one whole backup"
            )
        if store == "inbox":
            _check_entry(
                folder, Seals(connections["inbox"], "inbox", ring), connections["inbox"], int(number), bytes(digest)
            )


def _check_entry(folder: Path, seals: Seals, inbox: apsw.Connection, number: int, digest: bytes) -> None:
    for row in list[Any](inbox.execute(SQL["entry"], (number,))):
        if entry_digest(entry_from_row(seals, row)) != digest:
            raise JournalError(
                f"callback {number} in {folder} is not the one that its outbox has read: restore one whole backup"
            )
