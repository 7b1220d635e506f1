"""The sentences with which a command ends that did not go as it should."""

from __future__ import annotations

import io

import pytest

from receiver.cli.last_words import TRACEBACK_VARIABLE, bug, say_anything, system_reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied"),
        (OSError(18, "Invalid cross-device link", b"/x", None, "/y"), "/x → /y: Invalid cross-device link"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError("odd"), "odd"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_system_is_quoted_with_the_path(error: OSError, said: str) -> None:
    """Where it is about one."""
    assert system_reason(error) == said


def failed() -> Exception:
    """An error that was raised."""
    try:
        int("a body, or a secret")
    except ValueError as error:
        return error
    raise AssertionError


def test_a_bug_is_one_line_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its place, and how to see more of it."""
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    said = bug(failed())
    assert said.startswith(f"a bug: ValueError at {__file__}:")
    assert "\n" not in said
    assert "secret," not in said
    assert f"{TRACEBACK_VARIABLE}=1" in said
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    assert bug(failed()).startswith("Traceback")
    assert bug(ValueError("x")).startswith("ValueError")


def test_a_letter_that_a_stream_lacks_is_an_escape() -> None:
    """And what is no text stream of Python's own is left alone."""
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    say_anything(stream)
    stream.write("a→b\udcff")
    stream.seek(0)
    assert stream.read() == "a\\u2192b\\udcff"
    say_anything(io.StringIO())
    say_anything(None)
