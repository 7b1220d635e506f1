"""Which command is called, whatever stands before it."""

from __future__ import annotations

import pytest

from receiver.cli.command_word import WITH_VALUE, command_word
from receiver.cli.main import cli


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("serve", "serve"),
        ("serve --config x", "serve"),
        ("--config x serve", "serve"),
        ("--config=x serve", "serve"),
        ("--config serve show y", "show"),
        ("show serve", "show"),
        ("--version", ""),
        ("--config", ""),
        ("", ""),
    ],
)
def test_the_first_word_that_is_no_options_is_it(line: str, word: str) -> None:
    """Nor an option's value."""
    assert command_word(line.split()) == word


def test_no_other_option_takes_a_value() -> None:
    """One that did would have its value taken for the command."""
    assert [one.opts for one in cli.params if not getattr(one, "is_flag", False)] == [[WITH_VALUE]]
