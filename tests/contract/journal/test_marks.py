"""What outlives an interpreting process, on each engine: whoever comes after it reads what it set."""

from __future__ import annotations

import pytest

from tests.contract.journal.conftest import Made


def test_another_process_reads_what_was_set(made: Made) -> None:
    """As the supervisor does, after the death of the process that set it."""
    mine, its = made.journal.marks(), made.another().marks()
    assert (its.read(), dict(its.lessons())) == ((0, 0), {})
    mine.set(5, 9)
    assert its.read() == (5, 9)
    mine.set(0, 0)
    assert its.read() == (0, 0)
    mine.set(2**40, 2**62)
    assert its.read() == (2**40, 2**62)
    mine.close()
    its.close()


def test_a_lesson_is_kept_in_the_place_of_the_one_before(made: Made) -> None:
    """As JSON, so whole numbers are no names in it."""
    mine, its = made.journal.marks(), made.another().marks()
    its.keep_lessons({"deaths": {"5": 1}, "alone": (5, 6)})
    assert mine.lessons() == {"deaths": {"5": 1}, "alone": [5, 6]}
    with pytest.raises(TypeError):
        its.keep_lessons({"deaths": {5: 1}})
    assert mine.lessons() == {"deaths": {"5": 1}, "alone": [5, 6]}
    its.keep_lessons({})
    assert mine.lessons() == {}
    mine.close()
    its.close()


def test_marks_may_be_given_back_twice(made: Made) -> None:
    """And without having been used."""
    marks = made.journal.marks()
    marks.close()
    marks.close()
