"""How children are started: on this code, and deaf to the signals of a group from the first instruction on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.service.launch import GROUP_SIGNALS, HOME, command, environment, signals_held_back


def test_a_child_finds_this_code_and_no_other(tmp_path: Path) -> None:
    """Whatever lies in the folder in which the service was started."""
    (tmp_path / "receiver").mkdir()
    for name in ("receiver/__init__.py", "logging.py", "socket.py", "types.py"):
        (tmp_path / name).write_text("raise SystemExit('somebody else')")
    program = [*command("intake", {})[:2], "-c", "import receiver, logging, socket; print(receiver.__file__)"]
    done = subprocess.run(
        program, cwd=tmp_path, env=environment(os.environ), capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout.strip()) == ("", f"{HOME}/receiver/__init__.py")


def test_what_a_person_adds_to_the_path_stays() -> None:
    """But not an empty entry, which is the current folder."""
    given = {"PYTHONPATH": os.pathsep.join(["", "/opt/x", "", "lib"]), "OTHER": "1"}
    made = environment(given)
    assert made["PYTHONPATH"].split(os.pathsep)[:2] == ["/opt/x", "lib"]
    assert made["OTHER"] == "1"


def test_a_checkout_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command was found in the current folder; else nothing is added."""
    monkeypatch.setattr(sys, "path", [HOME, *sys.path])
    assert environment({}) == {"PYTHONPATH": HOME}
    monkeypatch.setattr(sys, "path", ["/usr/lib/python3", HOME])
    assert environment({}) == {}


def blocked() -> set[int]:
    """The signals that are held back from this thread."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ())) & set(GROUP_SIGNALS)


def test_signals_are_held_back_until_the_last_start_has_ended() -> None:
    """Starts overlap."""
    first, second = signals_held_back(), signals_held_back()
    with first:
        with second:
            assert blocked() == set(GROUP_SIGNALS)
        assert blocked() == set(GROUP_SIGNALS)
    assert blocked() == set()


def test_a_child_outlives_what_reaches_it_before_its_first_line() -> None:
    """And afterwards."""
    program = (
        "import sys, os, signal; from receiver.service.launch import ignore_group_signals\n"
        "os.write(1, b'here'); sys.stdin.read(1); ignore_group_signals()\n"
        "[os.kill(os.getpid(), n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]\n"
        "print(' alive')"
    )
    with signals_held_back():
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        for number in GROUP_SIGNALS:
            child.send_signal(number)  # the interpreter has not even begun
        assert child.communicate(b"x")[0] == b"here alive\n"
    assert child.returncode == 0
