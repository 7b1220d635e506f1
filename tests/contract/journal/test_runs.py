"""How far runs of replay came, on each engine; there need be no journal."""

from __future__ import annotations

import pytest

from receiver.model.errors import ReceiverError
from tests.contract.journal.conftest import Made


def test_a_run_is_read_by_whoever_goes_on_with_it(made: Made) -> None:
    """As JSON; the newest state takes the older one's place."""
    mine = made.runs()
    mine.save("one", {"after": 5, "to": ["a"], "text": "é"})
    mine.save("two", {"after": 7})
    mine.save("one", {"after": 6, "to": ("a", "b")})
    assert made.runs().load("one") == {"after": 6, "to": ["a", "b"]}
    assert made.runs().load("two") == {"after": 7}


def test_what_was_loaded_is_the_readers_own(made: Made) -> None:
    """Changing it changes no run."""
    made.runs().save("one", {"sent": [1]})
    made.runs().load("one")["sent"].append(2)
    assert made.runs().load("one") == {"sent": [1]}


def test_a_run_that_is_not_there_is_named(made: Made) -> None:
    """It was mistyped, or ran elsewhere."""
    with pytest.raises(ReceiverError, match="there is no run three"):
        made.runs().load("three")


def test_runs_are_listed_by_what_they_last_kept(made: Made) -> None:
    """Each once, with its state; none where there was none."""
    assert made.runs().listed() == []
    for run, after in (("one", 1), ("two", 2), ("one", 3)):
        made.runs().save(run, {"after": after})
    assert dict(made.runs().listed()) == {"one": {"after": 3}, "two": {"after": 2}}
