"""What is said of commands where they are listed and where their help ends."""

from __future__ import annotations

from collections.abc import Iterable


def example(command: str) -> str:
    """The end of a command's help: one call of it, as it is typed, on a line of its own."""
    return f"\b\nExample: {command}"


def no_such_command(name: str, names: Iterable[str]) -> str:
    """A sentence for a command that is none, with those that are written alike."""
    from difflib import get_close_matches  # noqa: PLC0415  only where somebody mistyped

    alike = " or ".join(repr(one) for one in get_close_matches(name, list(names)))
    return f"No such command {name!r}." + (f" Did you mean {alike}?" if alike else "")
