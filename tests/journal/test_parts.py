"""The rule by which parts of an inbox are cut, and what is in none of them."""

from __future__ import annotations

import pytest

from receiver.journal.parts import NO_PARTS, LetGo, Part, next_parts, outside, span_days


@pytest.mark.parametrize(("keep_days", "days"), [(7, 1), (30, 1), (59, 1), (90, 3), (400, 13), (4000, 30), (0, 30)])
def test_a_part_holds_about_a_thirtieth_of_what_is_kept(keep_days: int, days: int) -> None:
    """A day at least, a month at most, and a month where all is kept for ever."""
    assert span_days(keep_days) == days


@pytest.mark.parametrize(
    ("made_to", "now", "made"),
    [
        (0, 5, [Part(7, 17), Part(17, 27)]),
        (27, 5, []),
        (27, 15, [Part(27, 37)]),
        (27, 27, [Part(29, 39), Part(39, 49)]),
        (27, 100, [Part(102, 112), Part(112, 122)]),
    ],
)
def test_one_whole_part_is_always_ahead(made_to: int, now: int, made: list[Part]) -> None:
    """Each begins where the last one ends; where numbers have passed that, a little above them."""
    assert list(next_parts(made_to, now, length=10, margin=2)) == made


@pytest.mark.parametrize(
    ("parts", "end", "found"),
    [
        ([], 9, [Part(0, 9)]),
        ([Part(0, 5)], 9, [Part(5, 9)]),
        ([Part(3, 5), Part(5, 7)], 9, [Part(0, 3), Part(7, 9)]),
        ([Part(3, 50)], 9, [Part(0, 3)]),
        ([Part(20, 30)], 9, [Part(0, 9)]),
        ([], 0, []),
    ],
)
def test_what_is_in_no_part_lies_between_them(parts: list[Part], end: int, found: list[Part]) -> None:
    """Also before the first and after the last, up to the end and no further."""
    assert list(outside(parts, end)) == found


def test_an_engine_without_parts_makes_and_drops_none() -> None:
    """All its callbacks go one by one."""
    assert NO_PARTS.make_ahead(30) == 0
    assert NO_PARTS.let_go(5) == LetGo()
    assert list(NO_PARTS.whole(30, 5)) == []
    NO_PARTS.close()
