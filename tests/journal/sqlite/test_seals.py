"""Sealed rows in SQLite's files: what stands in them, what they refuse, and the way to a first and to another key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.sealed import Keyring, read_key
from receiver.journal.sqlite import seals as sqlite_seals
from receiver.journal.sqlite.folder import keys_needed
from receiver.journal.sqlite.journal import SqliteJournal, journal_in, open_journal
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.store import SEALED
from receiver.model.callback import RawCallback, Resource, VerifiedCallback
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.records import OutboxBatch
from tests.contract.journal.samples import batch, event

OLD, NEW = read_key(bytes(range(32)).hex().encode()), read_key(bytes(range(64, 96)).hex().encode())
AT_US = 1_790_000_000_000_000
MARK = b"4111-marker-of-a-person"


def opened(folder: Path, *keys: Any) -> SqliteJournal:
    """A journal with these keys, made where there is none."""
    return open_journal(folder, Keyring(keys))


async def fill(journal: SqliteJournal, first: int) -> None:
    """Put the mark into every store that holds what providers send: body and header, answer, event and reject."""
    inbox = journal.inbox_writer(InboxLimits())
    callback = VerifiedCallback("main", AT_US + first, ((b"x-of", MARK),), b'{"card": "%s"}' % MARK)
    assert await inbox.append(callback) == first
    await asyncio.to_thread(inbox.close)
    requests, outbox, rejects = journal.requests(write=True), journal.outbox(write=True), journal.rejects(write=True)
    payload = {"source": "main", "operation": "a", "after": 1, "body": MARK.decode()}
    requests.add("poll", AT_US, payload)
    outbox.commit(OutboxBatch(records=[event(first, "a", value=b'{"sequence": 1, "to": "%s"}' % MARK)]))
    rejects.add(RawCallback("main", AT_US + first, callback.headers, callback.body), "signature", 10)
    for store in (requests, outbox, rejects):
        store.close()
    watch = journal.watchlist()
    watch.answered(
        "main", Resource("b", b'"%s"' % MARK, b"digest%d" % first, terminal=True), now_us=1, due_us=1, after=0
    )
    watch.close()


def everything(journal: SqliteJournal) -> int:
    """How often the mark is read in all stores."""
    inbox, requests, outbox, rejects = journal.inbox(), journal.requests(), journal.outbox(), journal.rejects()
    found: list[Any] = [*inbox.read(0, 9), *requests.read(0, 9), *outbox.read(0, 9), *rejects.newest(9)]
    for store in (inbox, requests, outbox, rejects):
        store.close()
    return sum(repr(one).count(MARK.decode()) for one in found)


def in_files(folder: Path) -> list[str]:
    """The files in which the mark stands, byte by byte."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and MARK in path.read_bytes())


async def test_nothing_that_a_provider_sent_stands_in_the_files(tmp_path: Path) -> None:
    """Of the four files that hold it without a key, none does with one, logs included."""
    await fill(opened(tmp_path / "plain"), 1)
    assert {name.partition(".")[0] for name in in_files(tmp_path / "plain")} == {
        "inbox", "outbox", "requests", "rejects",
    }  # fmt: skip
    journal = opened(tmp_path / "sealed", OLD)
    kept = journal.inbox()  # with a reader there is a log to look at
    await fill(journal, 1)
    assert in_files(tmp_path / "sealed") == []
    kept.close()
    assert in_files(tmp_path / "sealed") == []
    assert everything(journal) == everything(opened(tmp_path / "plain")) == 7


async def test_what_was_there_before_stays_readable_beside_what_is_sealed(tmp_path: Path) -> None:
    """A journal of before there were keys is taken as it is, and its figures say from where on it is sealed."""
    await fill(opened(tmp_path), 1)
    journal = opened(tmp_path, OLD)
    assert (journal.stats()["plain_up_to"], keys_needed(tmp_path)) == (1, {}), "no key is needed before one was used"
    await fill(journal, 2)
    assert everything(journal) == 14
    stats = journal.stats()
    assert (stats["plain_up_to"], stats["sealed_callbacks"]) == (1, 1)
    assert stats[f"key_{OLD.key_id}_opens"] == keys_needed(tmp_path)[OLD.key_id] == 5


@pytest.mark.parametrize("way", [open_journal, journal_in])
async def test_without_its_key_a_journal_is_refused(tmp_path: Path, way: Callable[..., SqliteJournal]) -> None:
    """By the key's id, before anything is read; also with another key."""
    await fill(opened(tmp_path, OLD), 1)
    for keys, has in (((), "has none"), ((NEW,), f"has {NEW.key_id}")):
        with pytest.raises(JournalError, match=f"under the key {OLD.key_id}, and `journal.keys` {has}"):
            way(tmp_path, Keyring(keys))
    assert everything(way(tmp_path, Keyring([NEW, OLD]))) == 7


async def test_a_key_is_exchanged_without_writing_a_row_anew(tmp_path: Path) -> None:
    """The new one first, a reload, rekey; then the old one can be thrown away."""
    journal = opened(tmp_path, OLD)
    await fill(journal, 1)
    with pytest.raises(JournalError, match=OLD.key_id):
        journal.use_keys(Keyring([NEW]))
    assert everything(journal) == 7, "the keys that it has go on"
    journal.use_keys(Keyring([NEW, OLD]))
    await fill(journal, 2)
    assert set(keys_needed(tmp_path)) == {OLD.key_id, NEW.key_id}
    assert set(journal.rekey()) == {OLD.key_id}
    assert journal.rekey() == {}, "safe to repeat"
    assert set(keys_needed(tmp_path)) == {NEW.key_id}
    assert everything(opened(tmp_path, NEW)) == 14


async def test_rekey_changes_nothing_without_the_old_key(tmp_path: Path) -> None:
    """And names it."""
    await fill(opened(tmp_path, OLD), 1)
    with pytest.raises(JournalError, match=OLD.key_id):
        sqlite_seals.rekey(tmp_path / "inbox.db", "inbox", Keyring([NEW]))
    assert set(keys_needed(tmp_path)) == {OLD.key_id}


def of_another(table: str, column: str) -> str:
    """Put what row 2 holds into row 1."""
    # The names are the test's own.
    return f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE number = 2) WHERE number = 1"  # noqa: S608


@pytest.mark.parametrize(
    ("file", "swap", "said"),
    [
        ("inbox", of_another("callbacks", "body"), "inbox: number 1"),
        ("inbox", "UPDATE callbacks SET body = x'0a' WHERE number = 1", "inbox: number 1"),
        ("outbox", of_another("records", "value"), "outbox: number 1"),
        ("requests", of_another("requests", "payload"), "requests: number 1"),
        ("inbox", "DELETE FROM data_keys", "is not there"),
    ],
)
async def test_rows_that_were_swapped_or_changed_are_found(tmp_path: Path, file: str, swap: str, said: str) -> None:
    """By ``journal check``, and by whoever reads them; nothing wrong is ever given."""
    journal = opened(tmp_path, OLD)
    await fill(journal, 1)
    await fill(journal, 2)
    assert not [fault for fault in journal.check() if "open" in fault]
    connection = apsw.Connection(str(tmp_path / f"{file}.db"))
    connection.execute(swap)
    connection.close()
    if "data_keys" not in swap:
        assert any(said in fault for fault in journal.check())
    stores: dict[str, Callable[[], Any]]
    stores = {"inbox": journal.inbox, "outbox": journal.outbox, "requests": journal.requests}
    store = stores[file]()
    with pytest.raises(StoreFailed, match=said):
        store.read(0, 9)
    store.close()


async def test_a_release_from_before_refuses_it(tmp_path: Path) -> None:
    """By the format's version: it would take what is sealed for a body."""
    await fill(opened(tmp_path, OLD), 1)
    for store in ("inbox", "outbox", "requests"):
        found = apsw.Connection(str(tmp_path / f"{store}.db")).execute(
            "SELECT value FROM meta WHERE key = 'format_version'"
        )
        assert next(iter(found))[0] > SEALED


def test_a_data_key_is_of_one_day_and_of_all_processes(tmp_path: Path) -> None:
    """Whoever comes later goes on with it; after very many seals there is a new one."""
    path = str(tmp_path / "one.db")
    ring = Keyring([OLD])
    first, second = (Seals(apsw.Connection(path), "inbox", ring) for _ in range(2))
    first.prepare(["2026-11-26", "2026-11-26"])
    second.prepare(["2026-11-26", "2026-11-27"])
    blob = first.seal("2026-11-26", 7, b"a body")
    assert second.open(7, blob) == b"a body"
    assert len(sqlite_seals.keys_in(apsw.Connection(path))) == 2


def test_a_key_that_sealed_very_often_gets_a_successor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random nonces are good for so many and no more."""
    monkeypatch.setattr("receiver.journal.sealed.SEALS_MAX", 2)
    connection = apsw.Connection(str(tmp_path / "one.db"))
    seals = Seals(connection, "inbox", Keyring([OLD]))
    blobs = []
    for at in range(5):
        seals.prepare(["2026-11-26"])
        blobs.append(seals.seal("2026-11-26", at, b"a body"))
    assert [seals.open(at, blob) for at, blob in enumerate(blobs)] == [b"a body"] * 5
    assert len(sqlite_seals.keys_in(connection)) == 3


def test_nothing_is_sealed_under_a_key_that_was_not_kept(tmp_path: Path) -> None:
    """A day that was not prepared, or a master key that changed since, is a failure, and the next try succeeds."""
    ring = Keyring([OLD])
    seals = Seals(apsw.Connection(str(tmp_path / "one.db")), "inbox", ring)
    with pytest.raises(StoreFailed):
        seals.seal("2026-11-26", 1, b"")
    seals.prepare(["2026-11-26"])
    ring.take(Keyring([NEW, OLD]))
    with pytest.raises(StoreFailed, match="exchanged"):
        seals.seal("2026-11-26", 1, b"")
    seals.prepare(["2026-11-26"])
    assert seals.open(1, seals.seal("2026-11-26", 1, b"a body")) == b"a body"


async def test_a_backup_is_as_sealed_as_the_journal(tmp_path: Path) -> None:
    """And needs the same keys."""
    journal = opened(tmp_path / "journal", OLD)
    await fill(journal, 1)
    journal.backup(tmp_path / "copy")
    assert in_files(tmp_path / "copy") == []
    with pytest.raises(JournalError, match=OLD.key_id):
        journal_in(tmp_path / "copy")
    copied = journal_in(tmp_path / "copy", Keyring([OLD])).inbox()
    assert copied.read(0, 9)[0].callback.headers == ((b"x-of", MARK),)
    copied.close()


async def test_a_duplicate_is_known_across_the_first_key(tmp_path: Path) -> None:
    """What became events is found by keys and digests, which stay as they are."""
    plain = opened(tmp_path).outbox(write=True)
    made = replace(batch([event(1), event(2)]), progress={})
    plain.commit(made)
    known = plain.operations(made.states)
    plain.close()
    sealed = opened(tmp_path, OLD).outbox(write=True)
    assert sealed.operations(made.states) == known
    sealed.close()
