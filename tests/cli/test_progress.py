"""Progress where nobody watches a terminal: a line now and then, on stderr."""

from __future__ import annotations

import sys
import threading

import pytest

from receiver.cli.output import say
from receiver.cli.progress import patience, progress


class Watch:
    """A watch that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("receiver.cli.progress.time.monotonic", lambda: self.now)


def test_a_line_every_five_seconds_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing between two, and nothing of work that is over before the first."""
    watch = Watch(monkeypatch)
    with progress("sent", 100) as advance:
        for _ in range(4):
            watch.now += 2.5
            advance(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "sent: 20 of 100, 4/s, 20 s left\nsent: 40 of 100, 4/s, 15 s left\n"


def test_of_an_unknown_number_nobody_knows_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only how much is done."""
    watch = Watch(monkeypatch)
    with progress("exported", None) as advance:
        watch.now += 5
        advance()
    assert capsys.readouterr().err == "exported: 1, 0/s\n"


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With how many of how many are done."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("sent", 2) as advance:
        advance(2)
    assert "2/2" in capsys.readouterr().err


def test_who_waits_is_told_for_what_and_only_who_waits(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once; what is over before it would be said says nothing, nor does what failed."""
    told = threading.Event()

    def tell(message: str) -> None:
        say(message)
        told.set()

    monkeypatch.setattr("receiver.cli.progress.say", tell)
    with patience("Kafka", 0.0):
        assert told.wait(60)
    with pytest.raises(ValueError, match="a test"), patience("Kafka", 3600.0):
        raise ValueError("a test")
    assert capfd.readouterr().err == "waiting for Kafka …\n"
