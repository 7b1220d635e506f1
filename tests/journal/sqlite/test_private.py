"""The journal's folder and files: ours are kept from others, and those of others are left as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from receiver.journal.sqlite.folder import acquire
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.private import folder_of_others, make_folder, need_own_file, open_private, why_not_open
from receiver.journal.sqlite.store import connect
from receiver.model.errors import StoreFailed


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o7777


def test_a_folder_of_ours_is_closed_to_others(tmp_path: Path) -> None:
    """Also one that was open, and its parents are made."""
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    assert mode(folder) == 0o700
    folder.chmod(0o755)
    make_folder(folder)
    assert mode(folder) == 0o700
    assert folder_of_others(folder) is None
    os.close(open_private(folder / "file", 0))
    assert mode(folder / "file") == 0o600


def test_a_folder_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    """Nothing is said about it."""
    assert folder_of_others(tmp_path / "none") is None


@pytest.mark.parametrize(("before", "file"), [(0o2770, 0o660), (0o2775, 0o660), (0o755, 0o600), (0o700, 0o600)])
def test_the_folder_of_somebody_else_keeps_its_mode(
    before: int, file: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is made in it is for its group where the group may write there, whatever the umask."""
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(before)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    make_folder(folder)
    assert mode(folder) == before
    said = folder_of_others(folder)
    assert said is not None
    assert f"mode {before:o}" in said
    assert ("everybody" in said) == (before & 0o004 != 0)
    umask = os.umask(0o077)
    try:
        os.close(open_private(folder / "file", 0))
    finally:
        os.umask(umask)
    assert mode(folder / "file") == file


def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """Somebody chose it."""
    (tmp_path / "file").touch(mode=0o640)
    os.close(open_private(tmp_path / "file", 0))
    assert mode(tmp_path / "file") == 0o640


@pytest.mark.parametrize("what", ["file", "nothing"])
def test_what_is_in_the_way_is_named(what: str, tmp_path: Path) -> None:
    """A file, or a link that leads nowhere."""
    folder = tmp_path / "journal"
    if what == "file":
        folder.touch()
    else:
        folder.symlink_to("nowhere")
    with pytest.raises(StoreFailed, match=rf"^{folder}: there is a .*{what} in the place"):
        make_folder(folder)


def test_the_system_says_why(tmp_path: Path) -> None:
    """With the path it is about."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailed, match=rf"^{tmp_path}/file/a: Not a directory"):
        make_folder(tmp_path / "file" / "a")
    with pytest.raises(StoreFailed, match=rf"^{tmp_path}/none/lock: No such file"):
        open_private(tmp_path / "none" / "lock", 0)
    assert why_not_open(tmp_path, read_only=False) == "Is a directory"
    assert why_not_open(tmp_path / "file", read_only=True) is None


def test_a_link_of_our_own_is_followed_and_what_it_leads_to_keeps_its_mode(tmp_path: Path) -> None:
    """As somebody has it who moved the journal to a larger disk; other things may lie there too."""
    (tmp_path / "larger").mkdir(mode=0o755)
    (tmp_path / "journal").symlink_to(tmp_path / "larger")
    make_folder(tmp_path / "journal")
    assert mode(tmp_path / "larger") == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: nobody else can make a link somebody else's")
@pytest.mark.parametrize("foreign", ["link", "folder", "file"])
def test_a_link_of_somebody_else_or_to_something_of_theirs_is_refused(foreign: str, tmp_path: Path) -> None:
    """They would decide where the journal's bytes go, or read them."""
    theirs, link = tmp_path / "theirs", tmp_path / "journal"
    if foreign == "file":
        theirs.touch()
    else:
        theirs.mkdir(mode=0o755)
    link.symlink_to(theirs)
    if foreign != "file":
        os.chown(link if foreign == "link" else theirs, 65534, 65534, follow_symlinks=False)
    with pytest.raises(StoreFailed, match=r"is a link to .*theirs, and not both are this user's"):
        make_folder(link)
    assert list(tmp_path.rglob("*.db")) == []


@pytest.mark.parametrize("name", ["inbox.db", "inbox.db-wal", "journal.lock", "outbox.db"])
def test_a_link_in_a_files_place_is_refused(name: str, tmp_path: Path) -> None:
    """In the place of any file of a journal; what it leads to is as it was."""
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / name).symlink_to(theirs)
    with pytest.raises(StoreFailed, match=r"is a link to .*theirs: .*nothing was changed"):
        os.close(acquire(folder, "journal"))
        open_journal(folder)
        connect(folder / "inbox.db")
    assert theirs.read_text() == "as it was"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe would have us wait for ever."""
    os.mkfifo(tmp_path / "inbox.db")
    with pytest.raises(StoreFailed, match=r"inbox\.db is no file"):
        need_own_file(tmp_path / "inbox.db")


def test_somebody_elses_file_in_our_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not in a folder that a group shares, where the next process may have another user's id."""
    path = tmp_path / "inbox.db"
    path.touch()
    need_own_file(path)
    real = Path.lstat
    theirs = os.stat_result((*real(path)[:4], real(path).st_uid + 1, *real(path)[5:]))
    monkeypatch.setattr(Path, "lstat", lambda self: theirs if self == path else real(self))
    with pytest.raises(StoreFailed, match="owns not the folder"):
        need_own_file(path)
    tmp_path.chmod(0o2770)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 2)
    need_own_file(path)
