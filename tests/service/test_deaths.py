"""What a supervisor learns from the death of a child."""

from __future__ import annotations

from typing import Any, cast

from receiver.model.errors import StoreFailed
from receiver.service.deaths import note_death
from tests.support import Lines


def test_a_lesson_that_cannot_be_kept_ends_nothing() -> None:
    """The disk may be full: the next death teaches the same."""

    class Marks:
        def lessons(self) -> dict[str, Any]:
            return {}

        def read(self) -> tuple[int, int]:
            return 4, 9

        def keep_lessons(self, document: Any) -> None:
            raise StoreFailed("suspects.json: No space left on device")

        def close(self) -> None:
            pass

    class Journal:
        def marks(self) -> Marks:
            return Marks()

    log = Lines()
    note_death(cast("Any", Journal()), -6, log)
    assert [event for _, event, _ in log.lines] == ["serve.lesson_not_kept"]
