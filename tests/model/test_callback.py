"""Headers as the journal keeps them, and entries as people name them: what came is what is read back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.model.callback import (
    EntryId,
    JournalEntry,
    VerifiedCallback,
    entry_digest,
    headers_from_wire,
    headers_to_wire,
)

NAMES = (
    st.binary(min_size=1)
    .map(lambda raw: raw.replace(b"\r", b"").replace(b": ", b":") or b"n")
    .map(lambda name: name.removesuffix(b":") or b"n")
)
VALUES = st.binary().map(lambda raw: raw.replace(b"\r\n", b"\n").removesuffix(b"\r"))


@given(st.lists(st.tuples(NAMES, VALUES)).map(tuple))
@example(((b"a", b""), (b"a", b": "), (b"b", b"x: y\ry"), (b"c:d", b"\n"), (b"e", b" \r\r ")))
def test_headers_are_read_back_as_they_came(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """In their order, repeats kept, whatever stands in them but the end of a line."""
    assert headers_from_wire(headers_to_wire(headers)) == headers


@pytest.mark.parametrize(
    ("entry_id", "shown"), [(EntryId("inbox", 4711), "4711"), (EntryId("requests", 12), "poll-12")]
)
def test_an_entry_is_typed_as_it_is_shown(entry_id: EntryId, shown: str) -> None:
    """A callback by its number, an API's answer by ``poll-`` and its request's."""
    assert (str(entry_id), EntryId.parse(shown)) == (shown, entry_id)
    assert str(entry_id.to_json()) == shown


@pytest.mark.parametrize(
    "text", ["", "-12", "poll12", "poll-", "poll--1", "poll-x", "4711 ", "1e3", "\u0661", f"{10**18}"]
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    """With a sentence that shows both forms."""
    with pytest.raises(ValueError, match="as 4711, nor an answer's, as poll-12"):
        EntryId.parse(text)


def test_an_answer_is_as_new_as_the_newest_callback_then() -> None:
    """A callback's place in the order of receipt is its own number."""
    said = VerifiedCallback("swaps", 1, (), b"")
    answer, callback = JournalEntry(7, said, "requests", 41), JournalEntry(7, said)
    assert (answer.id, answer.arrival) == (EntryId("requests", 7), 41)
    assert (callback.id, callback.arrival) == (EntryId("inbox", 7), 7)


def test_the_digest_of_an_entry_tells_its_parts_apart() -> None:
    """Moving a byte from one part to the next is another entry."""

    def made(source: str, headers: Any, content: bytes) -> bytes:
        return entry_digest(JournalEntry(1, VerifiedCallback(source, 5, headers, content)))

    digests = {
        made("a", ((b"b", b"c"),), b"d"), made("ab", ((b"", b"c"),), b"d"), made("a", ((b"b", b""),), b"cd"),
        made("a", (), b"b: c\r\nd"),
    }  # fmt: skip
    assert len(digests) == 4
