"""A run that failed gets its second chance, and only where that can be an accident; over real runs of pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import CACHE, FAILED, LACKING, MOST, failed, why_not

ROOT = Path(__file__).parents[1]

TESTS = """
import pathlib, pytest

@pytest.mark.parametrize("name", ["a@b", "c"])
@pytest.mark.xdist_group("some-group")
def test_an_accident(name):
    seen = pathlib.Path(f"seen-{name[0]}")
    if not seen.exists():
        seen.touch()
        pytest.fail("the first time")

def test_that_passes():
    pass
"""
BROKEN = """
def test_that_is_broken():
    assert False
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in ``folder``, with the tests' own modules at hand."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    surroundings |= {"PYTHONPATH": str(ROOT), "CI": "false"}
    # Of all plugins that are installed here only this one: to read the others takes each pytest most of its time.
    surroundings |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("more", "code"), [("", 0), (BROKEN, 1)], ids=["accidents", "beside what is broken"])
def test_what_passes_alone_is_named_and_what_fails_again_has_failed(tmp_path: Path, more: str, code: int) -> None:
    """Also tests of a group, whose names pytest-xdist changes."""
    (tmp_path / "test_it.py").write_text(TESTS + more)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  xdist_group\n")
    whole = run(tmp_path, "-m", "pytest", "-q", "-n", "1", "--dist", "loadgroup")
    assert whole.returncode == 1
    again = run(tmp_path, "-m", "tests.again")
    assert again.returncode == code
    assert "\n  test_it.py::test_an_accident[a@b]\n  test_it.py::test_an_accident[c]\n" in again.stdout
    assert "2 passed" in again.stdout
    assert ("they passed alone" in again.stdout) == (code == 0)
    assert "test_that_passes" not in again.stdout


def test_there_is_none_where_it_was_no_accident(tmp_path: Path) -> None:
    """Too many, none at all, or programs that were missing."""
    for name, found in ((FAILED, {}), (LACKING, [])):
        (tmp_path / CACHE / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / CACHE / name).write_text(json.dumps(found))
    cache = tmp_path / CACHE
    assert failed(cache) == []
    assert why_not([], cache) is not None
    assert why_not(["one"] * MOST, cache) is None
    assert why_not(["one"] * (MOST + 1), cache) is not None
    again = run(tmp_path, "-m", "tests.again")
    assert (again.returncode, again.stdout) == (1, "tests.again: no second run: no single test failed, but the run\n")
    (cache / LACKING).write_text(json.dumps(["no chromium is here"]))
    assert why_not(["one"], cache) is not None
