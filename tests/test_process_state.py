"""What a test leaves behind for others is noticed, and named."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import process_state


def test_what_is_as_it_was_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was another meanwhile."""
    before = process_state.state()
    with monkeypatch.context() as patched:
        patched.setenv("LEFT", "behind")
        assert process_state.changes(before) == ["the environment: LEFT"]
    assert process_state.changes(before) == []


LEAVINGS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "the working directory": lambda patch: patch.chdir(Path(__file__).parent),
    "the environment": lambda patch: patch.delenv("PATH"),
    "hooks for exceptions": lambda patch: patch.setattr(sys, "excepthook", print),
    "loggers": lambda patch: patch.setattr(logging.getLogger("aiokafka"), "handlers", [logging.NullHandler()]),
    "the logging of warnings": lambda patch: patch.setattr(logging, "raiseExceptions", not logging.raiseExceptions),
    "where modules are searched": lambda patch: patch.syspath_prepend("/nowhere"),
}


@pytest.mark.parametrize("name", LEAVINGS)
def test_it_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part by its own name, and no other."""
    before = process_state.state()
    LEAVINGS[name](monkeypatch)
    (told,) = process_state.changes(before)
    assert told.startswith(f"{name}: ")


def test_a_signals_handler_is_named() -> None:
    """By the signal's name."""
    before = process_state.state()
    kept = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert process_state.changes(before) == ["signal handlers: SIGUSR2"]
    finally:
        signal.signal(signal.SIGUSR2, kept)


def test_no_value_of_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are passwords among them."""
    before = process_state.state()
    monkeypatch.setenv("TOKEN", "made-up-secret")
    assert "made-up-secret" not in "".join(process_state.changes(before))
    assert os.environ["TOKEN"] == "made-up-secret"
