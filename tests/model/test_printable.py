"""What a stranger wrote, on a terminal: nothing of it acts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.printable import printable, printable_json

ODD = "\x1b[2J\x1b]52;c;eA==\x07\x9b31m\u202e\u2066\u200b\u2028\r\n\t\x00\x7f\ud800\U000e0041\ue000[red]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a plain text: é → 漢", "a plain text: é → 漢"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eabc\u2028", "\\u202eabc\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("1\u00a02", "1\\xa02"),
    ],
)
def test_what_is_not_printed_is_shown_as_an_escape(text: str, shown: str) -> None:
    """And all else as it is."""
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_whatever_comes_is_one_printable_line(text: str) -> None:
    """Half characters too."""
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


@given(st.text())
def test_json_says_the_same_with_escapes(text: str) -> None:
    """One line of what is printed, and the same values."""
    line = json.dumps({text: [text, 1.5]}, ensure_ascii=False).encode()
    shown = printable_json(line)
    assert shown.decode().isprintable()
    assert json.loads(shown) == {text: [text, 1.5]}


def test_json_that_is_one_line_of_what_is_printed_stays_as_it_is() -> None:
    """Byte for byte: what Kafka holds is what `tail` shows."""
    line = '{"a":"é 漢 →","b":[1,2.50]}'.encode()
    assert printable_json(line) == line


@pytest.mark.parametrize("line", [b'{\n\t"a":\r\n1}', b"\xff\x1b[2J\n{}", b"\x7f"])
def test_what_others_put_on_a_topic_is_one_line_too(line: bytes) -> None:
    """JSON in lines, or no JSON at all."""
    assert printable_json(line).decode().isprintable()
