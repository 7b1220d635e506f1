"""Tables that fit: no word is ever broken, and nothing is left out but what is empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.cli.table import table_lines

COLUMNS = ("id", "status", "detail")
ROWS = [["1", "completed", "a field that nobody knows"], ["22", "failed", ""]]


def lines(width: int | None, rows: list[list[str]] | None = None) -> list[str]:
    """Of a table, as text."""
    return [str(line) for line in table_lines(COLUMNS, ROWS if rows is None else rows, width)]


def test_a_row_that_fits_is_a_line() -> None:
    """As is any where there is no screen: a program reads them."""
    whole = ["id  status     detail", "1   completed  a field that nobody knows", "22  failed"]
    assert lines(None) == lines(80) == lines(40) == whole


def test_the_last_cell_is_folded_at_its_spaces() -> None:
    """What follows stands below it."""
    rows = [["1", "completed", "a field that nobody knows of yet"]]
    assert lines(40, rows) == ["id  status     detail", "1   completed  a field that nobody knows", " " * 15 + "of yet"]


def test_where_a_row_does_not_fit_it_is_a_block() -> None:
    """Without its empty cells, and with a line between two."""
    assert lines(38) == [
        "id      1",
        "status  completed",
        "detail  a field that nobody knows",
        "",
        "id      22",
        "status  failed",
    ]


def test_an_empty_column_is_left_out() -> None:
    """But an empty table has all of its heading, or none where it has no column."""
    assert lines(80, [["1", "", ""], ["2", "", ""]]) == ["id", "1", "2"]
    assert lines(80, []) == ["id  status  detail"]
    assert list(table_lines((), [], 80)) == []


def test_wide_letters_take_two_columns() -> None:
    """As a terminal shows them."""
    assert lines(None, [["\u4ef7", "a", "b"], ["1", "a", "b"]])[1:] == ["\u4ef7  a       b", "1   a       b"]


@pytest.mark.parametrize("width", [1, 20, 80, 200])
@given(rows=st.lists(st.lists(st.text("abc -\u4ef7", max_size=40), min_size=3, max_size=3)))
def test_no_word_is_broken_or_lost(width: int, rows: list[list[str]]) -> None:
    """Whatever the screen."""
    shown = " ".join(lines(width, rows)).split()
    for row in rows:
        for cell in row:
            assert set(cell.split()) <= set(shown)
