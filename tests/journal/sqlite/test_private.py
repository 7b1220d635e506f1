"""The journal's folder and files: ours are kept from others, and those of others are left as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from receiver.journal.sqlite.private import folder_of_others, make_folder, open_private, why_not_open
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
