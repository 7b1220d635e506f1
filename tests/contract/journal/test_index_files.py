"""The index's file on SQLite: it may be lost in every way, and nothing readable lies in it where there are keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from receiver.journal.engines import find_journal, hold_journal
from receiver.journal.erasing import Erased, Erasure
from receiver.journal.handle import Journal
from receiver.journal.ports import InboxLimits
from receiver.journal.sealed import NO_KEYS, Keyring, read_key
from receiver.journal.sqlite import index_file, index_writer
from receiver.model.errors import StoreFailed
from receiver.model.records import OutboxBatch
from tests.contract.journal.index_samples import ADDRESS, CARD, HASH, find, make, masked, names, payment, told, unread
from tests.contract.journal.samples import START_US, batch, callback, event, key

pytestmark = pytest.mark.usefixtures("unhurried")

OPERATION = key("Op-4711-Xyz")
KEYS = [read_key(bytes([at]).hex().encode() + bytes(range(1, 32)).hex().encode()) for at in (1, 2)]
WORDS = (
    b"4711-xyz",
    b"rder_77",
    HASH.lower().encode()[:20],
    ADDRESS.encode()[:20],
    b"completed",
    b"0xpay",
    b"main",
    b"id-1",
)


def kept(folder: Path, ring: Keyring = NO_KEYS, records: OutboxBatch | None = None) -> Iterator[Journal]:
    """A journal with one payment, indexed."""
    with hold_journal(f"sqlite:{folder}", keys=ring) as (journal, _):
        with closing(journal.outbox(write=True)) as outbox:
            outbox.commit(records or batch([payment(), unread(2, "unknown_status", "status")], progress={}))
        make(journal)
        yield journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Without keys."""
    yield from kept(tmp_path)


def found(journal: Journal) -> tuple[dict[str, list[str]], bool]:
    """What stands for the reference, and whether the index told it."""
    one = find(journal, "order 77")
    return {"operations": names(one)["operations"]}, one.indexed.there


HERE, NOT_HERE = ({"operations": [OPERATION]}, True), ({"operations": [OPERATION]}, False)


def content(folder: Path) -> bytes:
    """All bytes of the index's files."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("search.db*")))


def test_it_is_for_its_owner_alone(journal: Journal, tmp_path: Path) -> None:
    """As the journal's other files."""
    assert found(journal) == HERE
    assert (tmp_path / "search.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("harm", ["deleted", "emptied", "overwritten", "cut"])
def test_what_is_lost_is_made_anew(journal: Journal, tmp_path: Path, harm: str) -> None:
    """Until then the newest records are looked through; nobody who has it open is led astray."""
    path = tmp_path / "search.db"
    with closing(journal.index()) as index:
        assert index.indexed().there
        for part in ("-wal", "-shm"):
            Path(f"{path}{part}").unlink(missing_ok=True)
        whole = path.read_bytes()
        path.unlink()
        if harm != "deleted":
            path.write_bytes({"emptied": b"", "overwritten": b"junk" * 4096, "cut": whole[:4096]}[harm])
        assert names(index.find("order 77"))["operations"] == [OPERATION]
        assert not index.indexed().there
        make(journal)
        assert names(index.find("order 77"))["operations"] == [OPERATION]
        assert index.indexed().there


def test_damage_that_a_writer_meets_is_said_and_mended(journal: Journal, tmp_path: Path) -> None:
    """Once, and the next step begins anew."""
    path = tmp_path / "search.db"
    with closing(apsw.Connection(str(path))) as connection:
        page = next(iter(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'terms_data'")))[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(3, "c")]))
    with closing(journal.index_writer(masked)) as writer:
        with pytest.raises(StoreFailed, match=r"search\.db was damaged, and is made anew"):
            writer.step()
        while writer.step():
            pass
    assert found(journal) == HERE


def test_what_was_being_written_when_the_machine_went_down_is_not_trusted(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a process alone does no harm: the note of this machine's boot is still true then."""
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(3, "c")]))
    writer = journal.index_writer(masked)
    writer.step()
    assert found(journal) == HERE
    boot = tmp_path / "boot_id"
    boot.write_text("another\n", "ascii")
    monkeypatch.setattr(index_file, "BOOT_ID", boot)
    assert found(journal) == NOT_HERE
    make(journal)
    assert found(journal) == HERE


def test_it_leaves_the_rest_of_a_full_disk_to_the_journal(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits aloud, is read as far as it is, and goes on by itself."""
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(3, "c")], progress={}))
    with closing(journal.index_writer(masked)) as writer:
        monkeypatch.setattr(index_writer, "DISK_FREE_BYTES_MIN", 2**62)
        with pytest.raises(StoreFailed, match="bytes left, which are for the journal; the index waits"):
            writer.step()
        assert found(journal) == HERE
        monkeypatch.undo()
        writer.step()
    with closing(journal.index()) as index:
        assert index.indexed().to == 3


def test_another_format_or_journal_is_made_anew(journal: Journal, tmp_path: Path) -> None:
    """As one that is missing."""
    for change in (
        "UPDATE meta SET value = 99 WHERE key = 'format_version'",
        "UPDATE meta SET value = 'x' WHERE key = 'journal_id'",
    ):
        with closing(apsw.Connection(str(tmp_path / "search.db"))) as connection:
            connection.execute(change)
        assert found(journal) == NOT_HERE
        make(journal)
        assert found(journal) == HERE


def test_it_is_in_no_backup_and_a_backup_is_looked_through(
    journal: Journal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A folder to read only gets no file either."""
    target = tmp_path_factory.mktemp("backup") / "copy"
    assert not any("search" in path.name for path in journal.backup(target))
    copy = find_journal(f"sqlite:{target}")
    assert found(copy) == NOT_HERE
    assert not (target / "search.db").exists()


def test_what_was_erased_is_not_in_its_bytes(journal: Journal, tmp_path: Path) -> None:
    """Neither in the file nor in its log."""
    assert b"rder_77" in content(tmp_path)
    what = Erasure(OPERATION, records=(event(1, "Op-4711-Xyz", value=b"{}", publish=False),))
    journal.erase(what, Erased(what.operation, START_US, "a test", "asked to", what.what()))
    for word in (b"rder_77", ADDRESS.encode(), ADDRESS.encode()[-20:], HASH.lower().encode()[-20:]):
        assert word not in content(tmp_path), word


def test_an_index_that_cannot_be_read_does_not_keep_from_erasing(journal: Journal, tmp_path: Path) -> None:
    """It is made anew, with nothing of it."""
    (tmp_path / "search.db").write_bytes(b"rder_77" * 4096)
    what = Erasure(OPERATION, records=(event(1, "Op-4711-Xyz", value=b"{}", publish=False),))
    journal.erase(what, Erased(what.operation, START_US, "a test", "asked to", what.what()))
    assert b"rder_77" not in content(tmp_path)
    make(journal)
    assert names(find(journal, "order 77")) == {}


def test_with_keys_nothing_readable_lies_in_it(tmp_path: Path) -> None:
    """The same words lie in one without keys, so that this can fail."""
    for name, ring in (("plain", NO_KEYS), ("sealed", Keyring(KEYS[:1]))):
        for journal in kept(tmp_path / name, ring):
            assert found(journal) == HERE
            with closing(journal.index()) as index:
                assert index.indexed().exact_only is (ring is not NO_KEYS)
                assert [one.source for one in index.days(0, 2**60).counts] == ["main", "main"]
    plain, sealed = content(tmp_path / "plain").lower(), content(tmp_path / "sealed").lower()
    assert [word for word in WORDS if word not in plain] == []
    assert [word for word in WORDS if word in sealed] == []


async def test_no_card_number_lies_in_it(tmp_path: Path) -> None:
    """Of a body that nobody could read the mask is kept; the journal itself has the whole number."""
    with hold_journal(f"sqlite:{tmp_path}") as (journal, _):
        inbox = journal.inbox_writer(InboxLimits())
        await inbox.append(callback(1, b'{"id": "o", "to": "4111111111111111"}'))
        await asyncio.to_thread(inbox.close)
        with closing(journal.outbox(write=True)) as outbox:
            outbox.commit(batch([unread(1, "unknown_status", "to")], progress={}))
        make(journal)
        assert names(find(journal, "4111 1111 1111 1111")) == {"quarantine": ["1"]}
    assert b"4111111111111111" in (tmp_path / "inbox.db").read_bytes()
    assert b"4111111111111111" not in content(tmp_path)
    assert CARD.encode() in content(tmp_path), "as a text, for groups"


def test_exchanged_keys_make_it_anew(tmp_path: Path) -> None:
    """It is read under the old one while that is known, and written under the first."""
    old, both, new = KEYS[:1], [KEYS[1], KEYS[0]], KEYS[1:]
    for _ in kept(tmp_path, Keyring(old)):
        pass
    assert found(find_journal(f"sqlite:{tmp_path}", Keyring(both))) == HERE
    before = key_of(tmp_path)
    journal = find_journal(f"sqlite:{tmp_path}", Keyring(both))
    make(journal)
    journal.rekey()
    assert (before, key_of(tmp_path)) == (old[0].key_id, new[0].key_id)
    assert found(find_journal(f"sqlite:{tmp_path}", Keyring(new))) == HERE


def key_of(folder: Path) -> str:
    """The id of the key that an index was made under."""
    with closing(apsw.Connection(str(folder / "search.db"))) as connection:
        return str(next(iter(connection.execute("SELECT value FROM meta WHERE key = 'key_id'")))[0])
