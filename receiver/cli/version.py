"""What this is: its version, and the commit it was made from."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import receiver

PACKAGE = Path(receiver.__file__).parent
DISTRIBUTION = "exchange-webhook-receiver"
UNKNOWN = "unknown"
GIT_TIMEOUT_S = 2.0


def version_line(package: Path = PACKAGE) -> str:
    """``receiver 0.1.0, commit 0123456789ab``; `-dirty` where the checkout differs from it, `unknown` without git."""
    try:
        number = version(DISTRIBUTION)
    except PackageNotFoundError:  # a checkout that is not installed
        number = UNKNOWN
    return f"receiver {number}, commit {commit(package)}"


def commit(package: Path = PACKAGE) -> str:
    """As it was recorded when this was built; in a checkout, whose commit changes, as git says."""
    recorded = package / "commit.txt"
    if recorded.exists():
        return recorded.read_text("utf-8").strip() or UNKNOWN
    git = shutil.which("git")
    if git is None or not (package.parent / ".git").exists():  # never another project's that this lies in
        return UNKNOWN
    command = [git, "-C", str(package.parent), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        done = subprocess.run(  # noqa: S603  git alone, and no word of anybody else's
            command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN
