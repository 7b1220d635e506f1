"""``receiver --version``: the version, and the commit however this came here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from receiver.cli.version import commit, version_line


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for git as long as a busy machine needs."""
    monkeypatch.setattr("receiver.cli.version.GIT_TIMEOUT_S", 60)


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A checkout with one commit, and a package in it."""
    package = tmp_path / "receiver"
    package.mkdir()
    (package / "a.py").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "a")
    git(tmp_path, "tag", "v1")
    return package


def test_a_checkout_is_asked(package: Path) -> None:
    """By its commit, not by a tag; and it is said where it differs from that."""
    head = git(package, "rev-parse", "--short=12", "HEAD")
    assert commit(package) == head
    (package / "a.py").write_text("changed")
    assert commit(package) == f"{head}-dirty"
    assert re.fullmatch(r"receiver \d+\.\d+\.\d+\S*, commit [0-9a-f]{12}-dirty", version_line(package))


def test_what_was_recorded_when_it_was_built_holds(package: Path) -> None:
    """Whatever lies around it."""
    (package / "commit.txt").write_text("0123456789ab\n")
    assert commit(package) == "0123456789ab"


def test_nobody_knows(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record: in another project's checkout, in a broken one, and without git."""
    inside = tmp_path / "vendor" / "receiver"
    inside.mkdir(parents=True)
    assert commit(inside) == "unknown"
    (inside.parent / ".git").write_text("gitdir: nowhere")
    assert commit(inside) == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(package) == "unknown"
