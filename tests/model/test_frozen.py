"""Values of the hot path: plain where they run, values all the same."""

from __future__ import annotations

import pytest

from receiver.model.callback import EntryId


def test_they_are_equal_and_hash_by_their_fields() -> None:
    """As keys of dictionaries."""
    assert EntryId("inbox", 1) == EntryId("inbox", 1) != EntryId("requests", 1)
    assert {EntryId("inbox", 1): "a"}[EntryId("inbox", 1)] == "a"


def test_they_take_no_other_field() -> None:
    """They have slots."""
    with pytest.raises(AttributeError):
        EntryId("inbox", 1).other = 1  # type: ignore[attr-defined]
