"""Which command a command line calls, told before anything that could read it is imported."""

from __future__ import annotations

from collections.abc import Sequence

WITH_VALUE = "--config"
"""Of the options that stand before a command the only one that takes a value."""


def command_word(arguments: Sequence[str]) -> str:
    """The command's name; empty where there is none."""
    words = iter(arguments)
    for word in words:
        if word == WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""
