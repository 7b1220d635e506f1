"""Commands as forks of a process that has read the modules: what they are given, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.warm_commands import KEPT_MAX, WarmCommands


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmCommands]:
    """One of the module's own."""
    made = WarmCommands()
    yield made
    made.close()


@pytest.mark.parametrize("arguments", [("--version",), ("nonsense",), ("tail", "--help"), ("tail",)])
def test_a_command_says_and_ends_as_one_with_its_own_interpreter(
    warm: WarmCommands, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Its output to the letter, its errors, and its exit code."""
    command = [sys.executable, "-m", "receiver", *arguments]
    cold = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    done = warm.run(arguments, os.environ, tmp_path, 60)
    assert (done.returncode, done.stdout, done.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_it_has_the_environment_and_folder_that_it_is_given_and_no_other(warm: WarmCommands, tmp_path: Path) -> None:
    """One after the other."""
    (tmp_path / "a.toml").write_text("[server]\nprot = 5\n")
    assert "a.toml: server.prot" in warm.run(("tail",), {"RECEIVER_CONFIG": "a.toml"}, tmp_path, 60).stderr
    assert "there is no journal" in warm.run(("tail",), {}, tmp_path, 60).stderr


SAYS = """
import sys
import receiver.cli.main as cli
cli.run = lambda given: print([(one.encoding, one.errors) for one in (sys.stdout, sys.stderr)], ascii(given))
"""
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_code_and_letters_are_those_of_its_environment(tmp_path: Path) -> None:
    """As with an interpreter of its own: what its path brings, and what its locale makes of bytes."""
    (tmp_path / "sitecustomize.py").write_text(SAYS)
    path = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    command = [sys.executable, "-m", "receiver", "show", "\N{RIGHTWARDS ARROW}"]
    said = []
    for letters in ({}, PLAIN, PLAIN | {"PYTHONIOENCODING": "latin-1"}, PLAIN | {"PYTHONIOENCODING": ":replace"}):
        environ = {**os.environ, **letters, "PYTHONPATH": path}
        cold = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        done = WarmCommands.like(environ).run(command[3:], environ, tmp_path, 60)
        assert (done.returncode, done.stdout, done.stderr) == (cold.returncode, cold.stdout, cold.stderr)
        said.append(done.stdout)
    assert len(set(said)) == len(said)


def test_commands_share_one_unless_their_starts_differ(tmp_path: Path) -> None:
    """Those used least are ended when there are many, and started again when they are asked for."""
    assert WarmCommands.like(os.environ) is WarmCommands.like({**os.environ, "RECEIVER_CONFIG": "a.toml"})
    environs = [{**os.environ, "PYTHON_OF_THIS_TEST": str(number)} for number in range(KEPT_MAX + 1)]
    first, *_ = [WarmCommands.like(environ) for environ in environs]
    assert WarmCommands.like(environs[0]) is not first
    assert WarmCommands.like(environs[0]).run(("--version",), environs[0], tmp_path, 60).returncode == 0


def test_one_that_takes_too_long_is_killed(warm: WarmCommands, tmp_path: Path) -> None:
    """And the next is run as ever."""
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(("dev", "--port", str(free_port()), "--admin-port", str(free_port())), os.environ, tmp_path, 0.3)
    assert warm.run(("--version",), os.environ, tmp_path, 60).returncode == 0


def test_it_ends_with_the_process_that_made_it() -> None:
    """Also with one that could not say so: their common output is at its end when both have gone."""
    script = "import os; from tests.warm_commands import WarmCommands; WarmCommands(); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
