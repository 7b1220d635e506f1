"""A second chance for a whole run of the tests: ``python -m tests.again``, after a run that failed.

Of some thousand tests with real processes, brokers and clocks one fails now and then where the machine is busy, and
passes by itself. That is a fault, of the test or of what it tests, and is named aloud; but it says nothing about the
change that is to land. So up to ``MOST`` tests are run once more, alone, one after the other, and what fails again has
failed. More of them are no accident, and neither is a test that was skipped because a program was missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

MOST = 5
"""One cause may fail several tests that share what it broke."""
CACHE = Path(".pytest_cache/v")
LACKING = "tests/lacking"
"""Where in pytest's cache ``conftest`` says what was skipped for want of a program, in CI."""
FAILED = "cache/lastfailed"


def failed(cache: Path) -> list[str]:
    """The tests that failed in the last run, as pytest takes them: without the group that pytest-xdist adds."""
    return sorted({re.sub(r"@[\w.-]+$", "", name) for name in _read(cache / FAILED)})


def why_not(names: list[str], cache: Path) -> str | None:
    """Why there is no second chance; None where there is one."""
    if _read(cache / LACKING):
        return "programs are missing, so tests were skipped"
    if not names:
        return "no single test failed, but the run"
    if len(names) > MOST:
        return f"{len(names)} tests failed, which is no accident"
    return None


def main() -> int:
    """Run them once more; gives the exit code."""
    names = failed(CACHE)
    reason = why_not(names, CACHE)
    if reason is not None:
        _say(f"no second run: {reason}")
        return 1
    _say("failed among all others, and run once more, alone:", *names)
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", *names], check=False).returncode
    if code == 0:
        _say("they passed alone. Each is a fault still, of the test or of what it tests:", *names)
    return code


def _say(text: str, *names: str) -> None:
    sys.stdout.write("\n  ".join([f"tests.again: {text}", *names]) + "\n")
    sys.stdout.flush()


def _read(file: Path) -> list[str]:
    # A list, or an object whose names count.
    return list(json.loads(file.read_text())) if file.exists() else []


if __name__ == "__main__":
    sys.exit(main())
