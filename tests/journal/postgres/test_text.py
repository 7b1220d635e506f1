"""Texts as PostgreSQL can hold them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from receiver.journal.postgres.text import binding, from_kept, row_of, to_kept

texts = st.text(st.sampled_from("\x00\x01\x02aé"), max_size=8)


@given(texts)
def test_every_text_comes_back(text: str) -> None:
    """And none has a zero in it."""
    assert from_kept(to_kept(text)) == text
    assert "\x00" not in to_kept(text)


@given(texts, texts)
def test_beginnings_and_order_stay(one: str, other: str) -> None:
    """So that the database finds by a prefix, and sorts, as we would."""
    assert to_kept(other).startswith(to_kept(one)) == other.startswith(one)
    assert (to_kept(one) < to_kept(other)) == (one < other)


def test_values_of_a_statement_and_of_its_answer() -> None:
    """Also in lists; what is no text stays as it is."""
    assert binding(["a\x00", None, "b"]) == ["a\x01\x01", None, "b"]
    assert binding(b"\x00") == b"\x00"
    assert row_of([1, "a\x01\x01", None]) == (1, "a\x00", None)
