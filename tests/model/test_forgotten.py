"""What stays of contents that went: enough to know each of them again, and never more than so much."""

from __future__ import annotations

from receiver.model.forgotten import LOST, MARK_BYTES, MARKS_MAX, holds, lost_some, mark, with_contents
from receiver.model.operation import Seen


def content(at: int) -> Seen:
    """One of many."""
    return Seen(f"id-{at}", b"%032d" % at, at)


def test_each_content_is_known_again_by_its_id_and_by_its_payload() -> None:
    """Whether they went together or one after the other; sixteen bytes each, and none twice."""
    together = with_contents(b"", [content(1), content(2)])
    assert with_contents(with_contents(b"", [content(1)]), [content(1), content(2)]) == together
    assert len(together) == 4 * MARK_BYTES
    for at in (1, 2):
        assert holds(together, f"id-{at}")
        assert holds(together, b"%032d" % at)
    assert not holds(together, "id-3")
    assert not holds(together, b"%032d" % 3)
    assert not holds(b"", "id-1")
    assert not lost_some(together)


def test_a_mark_is_found_only_where_it_stands() -> None:
    """Not across two others."""
    marks = with_contents(b"", [content(1)])
    shifted = marks[1:] + marks[:1]
    assert not holds(shifted, "id-1")
    assert mark("id-1") == marks[:MARK_BYTES]


def test_of_what_was_taken_over_from_kafka_only_the_id_is_known() -> None:
    """Nobody knows the payload; an empty one is none."""
    marks = with_contents(b"", [Seen("id-1", b"", 1)])
    assert len(marks) == MARK_BYTES
    assert not holds(marks, b"")


def test_so_many_are_kept_and_that_there_were_more() -> None:
    """The oldest go first; that some did stays for ever."""
    marks = b""
    for at in range(MARKS_MAX):
        marks = with_contents(marks, [content(at)])
        assert lost_some(marks) == (2 * (at + 1) > MARKS_MAX)
    assert len(marks) == MARKS_MAX * MARK_BYTES
    assert holds(marks, f"id-{MARKS_MAX - 1}")
    assert holds(marks, b"%032d" % (MARKS_MAX // 2 + 1))
    assert not holds(marks, "id-0")


def test_what_an_older_release_lost_stays_lost() -> None:
    """Whatever is added to it."""
    marks = with_contents(LOST, [content(1)])
    assert lost_some(marks)
    assert holds(marks, "id-1")
    assert lost_some(with_contents(marks, []))
