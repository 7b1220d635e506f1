"""A callback that kills is found and set aside; a good one never is, whatever is killed around it."""

from __future__ import annotations

import json
import signal

import pytest

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.poison import (
    MEMORY_EXIT,
    NOBODY,
    Suspects,
    after_death,
    from_document,
    points_at_the_batch,
    to_document,
)
from tests.support import OXPAY_VECTORS, Way

BODY = json.loads(OXPAY_VECTORS["bodies"][0]["body"])


@pytest.mark.parametrize(
    ("code", "points"),
    [
        (-signal.SIGSEGV, True), (-signal.SIGABRT, True), (-signal.SIGBUS, True), (-signal.SIGILL, True),
        (MEMORY_EXIT, True), (-signal.SIGKILL, False), (-signal.SIGTERM, False), (0, False), (1, False), (139, False),
    ],
)  # fmt: skip
def test_only_a_crash_points_at_the_batch(code: int, *, points: bool) -> None:
    """SIGKILL never counts, so that chaos cannot condemn a good callback."""
    assert points_at_the_batch(code) is points


def test_it_is_narrowed_down_until_it_is_alone_and_then_counted_to_three() -> None:
    """A death beside others only asks for one at a time."""
    known = after_death(NOBODY, 10, 500)
    assert (known.one_by_one_to, known.condemned) == (500, frozenset())
    for deaths in (1, 2):
        known = after_death(known, 77, 77)
        assert (known.deaths, known.condemned) == ({77: deaths}, frozenset())
    known = after_death(known, 77, 77)
    assert known.condemned == {77}
    assert after_death(known, 0, 0) == known


@pytest.mark.parametrize(
    "document",
    [None, [], "x", {}, {"one_by_one_to": 1}, {"one_by_one_to": "x", "deaths": {}}, {"one_by_one_to": 1, "deaths": 5},
     {"one_by_one_to": 1, "deaths": {"x": 1}}, {"one_by_one_to": None, "deaths": {"1": 3}}],
)  # fmt: skip
def test_a_document_of_another_shape_teaches_nothing(document: object) -> None:
    """Nobody is condemned by what cannot be read, and the process starts."""
    assert from_document(document) == NOBODY


def test_a_document_teaches_what_was_written() -> None:
    """Also once it was JSON, whose names are texts."""
    suspects = Suspects(9, {5: 3, 6: 1})
    assert from_document(json.loads(json.dumps(to_document(suspects)))) == suspects
    assert from_document(to_document(NOBODY)) == NOBODY


async def test_the_condemned_is_quarantined_unread_and_its_neighbours_are_not() -> None:
    """One by one up to where the death was, then in batches again."""
    way = Way()
    for number in range(1, 6):
        await way.deliver("0xpay-main", json.dumps(BODY | {"id": f"o{number}"}).encode())
    marks: list[tuple[int, int]] = []
    interpreter = Interpreter(
        stores=way.stores,
        rules=way.rules,
        metrics=way.metrics,
        suspects=Suspects(3, {2: 3, 3: 2}),
        mark=lambda first, last: marks.append((first, last)),
    )
    while interpreter.step():
        pass
    assert [mark for mark in marks if mark != (0, 0)] == [(1, 1), (2, 2), (3, 3), (4, 5)]
    assert [record.record_type for record in way.outbox.records] == ["event", "quarantine", "event", "event", "event"]
    assert json.loads(way.outbox.records[1].value)["reason"] == "internal_error"
