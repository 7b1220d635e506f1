"""What is said of commands: an example as it is typed, and what a mistyped name may have meant."""

from __future__ import annotations

from receiver.cli.help_text import example, no_such_command


def test_an_example_is_one_line_whatever_the_terminal() -> None:
    """The mark before it keeps it from being wrapped."""
    assert example("receiver show 91aaa5e1") == "\b\nExample: receiver show 91aaa5e1"


def test_what_is_written_alike_is_named() -> None:
    """And nothing where nothing is."""
    assert no_such_command("shwo", ["show", "serve"]) == "No such command 'shwo'. Did you mean 'show'?"
    assert no_such_command("zzz", ["show"]) == "No such command 'zzz'."
