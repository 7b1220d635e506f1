"""The files that outlive an interpreting process: private, and never the reason that the next one cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.sqlite.marks import LESSONS_FILE, MARK_FILE, FileMarks


@pytest.mark.parametrize("content", ["", "[]", "{", "1"])
def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    """Both of them."""
    (tmp_path / LESSONS_FILE).write_text(content)
    (tmp_path / MARK_FILE).write_text(content)
    marks = FileMarks(tmp_path)
    assert (marks.read(), marks.lessons()) == ((0, 0), {})


def test_both_are_private(tmp_path: Path) -> None:
    """They tell which callbacks there are."""
    marks = FileMarks(tmp_path)
    marks.set(1, 2)
    marks.keep_lessons({})
    marks.close()
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        MARK_FILE: 0o600,
        LESSONS_FILE: 0o600,
    }
