"""Text that was typed is text in every locale."""

from __future__ import annotations

import pytest

from receiver.cli.choices import OPERATION, SCENARIO, SOURCE
from receiver.cli.typed_text import TypedText


@pytest.mark.parametrize("kind", [TypedText(), OPERATION, SCENARIO, SOURCE], ids=lambda kind: type(kind).__name__)
@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("abc", "abc"),
        ("例→", "例→"),
        ("例→".encode().decode("ascii", "surrogateescape"), "例→"),
        (b"\xff".decode("ascii", "surrogateescape"), "\ufffd"),
    ],
)
def test_bytes_without_letters_are_read_as_utf_8(kind: TypedText, typed: str, text: str) -> None:
    """In a locale that lacks their letters Python gives half characters, which no store and no terminal takes."""
    assert kind.convert(typed, None, None) == text
