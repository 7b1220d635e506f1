"""The knobs of a process's disk and clock: a small C library that the process loads, and the file that it reads."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "preload"
NO_COMPILER = "no C compiler"


class Knobs:
    """Of every process that is started with ``environ``; all of them have the same disk and the same clock."""

    def __init__(self, library: Path, file: Path) -> None:
        self.environ = {"LD_PRELOAD": str(library), "CHAOS_KNOBS": str(file)}
        self._file = file
        self.turn()

    def turn(self, fsync_us: int = 0, clock_s: int = 0) -> None:
        """Let each fsync take longer, and the clock be off, within 50 ms; without arguments both are as they were."""
        turned = self._file.with_suffix(".new")
        turned.write_text(f"{fsync_us} {clock_s}\n")
        turned.replace(self._file)  # never half of it


def compiler() -> str | None:
    """The C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def make_knobs(folder: Path) -> Knobs:
    """Compile the library into ``folder``; raises ``RuntimeError`` where that cannot be done, and says why."""
    return Knobs(compiled("preload", folder), folder / "knobs")


def compiled(name: str, folder: Path) -> Path:
    """Compile one of the libraries into ``folder``; raises ``RuntimeError`` where that cannot be done, and says why."""
    found = compiler()
    if found is None:
        raise RuntimeError(NO_COMPILER)
    library = folder / f"{name}.so"
    command = [found, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCES / f"{name}.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        raise RuntimeError(f"the C compiler failed: {done.stderr[:200]}")
    return library
