"""The files that tell how far runs of replay came: private, whole, and named by their run."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.sqlite.runs import FileRuns
from receiver.model.errors import ReceiverError, StoreFailed


def test_a_run_is_a_private_file(tmp_path: Path) -> None:
    """In a folder that only its owner opens; nothing half written stays beside it."""
    runs = FileRuns(tmp_path / "var" / "replay")
    runs.save("one", {"after": 1})
    runs.save("one", {"after": 2})
    (path,) = (tmp_path / "var" / "replay").iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("one.json", 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", ["", "{", "[1]", "1"])
def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    """Its run is not there."""
    (tmp_path / "one.json").write_text(content)
    with pytest.raises(ReceiverError, match=f"there is no run one in {tmp_path}"):
        FileRuns(tmp_path).load("one")


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    """And what was there stays."""
    runs = FileRuns(tmp_path)
    runs.save("one", {"after": 1})
    (tmp_path / "one.json.new").mkdir()
    with pytest.raises(StoreFailed, match=r"one\.json\.new: Is a directory"):
        runs.save("one", {"after": 2})
    assert runs.load("one") == {"after": 1}
