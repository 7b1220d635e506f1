"""Tables as lines that fit a screen: aligned where a row fits, the last cell folded at its spaces, else in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

GAP = 2
"""Columns between two cells."""
LAST_MIN = 24
"""Columns that are enough for a last cell to be folded in; with fewer a block is easier to read."""

Cells = Sequence[str]


def table_lines(columns: Sequence[str], rows: Sequence[Cells], width: int | None) -> Iterator[str | Text]:
    """Lines of a table of printable cells, its heading first; ``width`` in columns of the screen, None: without end.

    A column without a word in any row is left out, where there are rows.
    """
    kept = [at for at in range(len(columns)) if not rows or any(row[at] for row in rows)]
    names = [columns[at] for at in kept]
    rows = [[row[at] for at in kept] for row in rows]
    if not names:
        return
    widths = [max(_cells(row[at]) for row in [names, *rows]) for at in range(len(names))]
    before = sum(widths[:-1]) + GAP * (len(widths) - 1)
    if width is not None and before + widths[-1] > width:
        if width - before < max(LAST_MIN, _cells(names[-1])):
            yield from _blocks(names, rows, width)
            return
        widths[-1] = width - before
    yield _bold(_aligned(names, widths))
    for row in rows:
        yield from _folded(row, widths)


def _aligned(row: Cells, widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True))
    return (" " * GAP).join(padded).rstrip()


def _folded(row: Cells, widths: Sequence[int]) -> Iterator[str]:
    first, *more = _fold(row[-1], widths[-1])
    yield _aligned([*row[:-1], first], widths)
    indent = " " * (sum(widths[:-1]) + GAP * (len(widths) - 1))
    yield from (indent + part for part in more)


def _blocks(names: Sequence[str], rows: Sequence[Cells], width: int) -> Iterator[str | Text]:
    # A row is a block of lines `name  cell`, without its empty cells.
    widest = max(map(len, names))
    for place, row in enumerate(rows):
        if place:
            yield ""
        widths = [widest, max(LAST_MIN, width - widest - GAP)]
        for name, cell in zip(names, row, strict=True):
            if cell:
                yield from _folded([name, cell], widths)


def _fold(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns, cut at spaces; a word that is longer has a line of its own, whole."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and _cells(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415  only for letters of two columns and of none

    return cell_len(text)


def _bold(text: str) -> Text:
    from rich.text import Text  # noqa: PLC0415  only for what is shown to people: 0.05 s

    return Text(text, "bold")
