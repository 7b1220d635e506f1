"""Packages that only some machines need, from their own pinned requirements, into the running ``.venv`` on demand.

Standard library only: what is installed here is what the rest of this folder may import afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent.parent / "requirements"


def install(name: str, because: str, otherwise: str) -> None:
    """Install ``requirements/NAME.txt`` once per environment; safe when several processes ask at the same time.

    ``because`` is said before it starts, ``otherwise`` is what a person can do where it fails. Raises ``RuntimeError``
    with one sentence.
    """
    pins = REQUIREMENTS / f"{name}.txt"
    stamp = Path(sys.prefix) / f".{name}-ok"
    if _is_installed(stamp, pins):
        return
    if sys.prefix == sys.base_prefix:
        # Never into the system's Python: it is not ours.
        raise RuntimeError(
            f"{because}; run this with .venv/bin/python (`make install`), which can hold it. {otherwise}"
        )
    with stamp.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_installed(stamp, pins):
            print(f"==> {because}", file=sys.stderr, flush=True)
            _pip(pins, otherwise)
            stamp.write_text(_digest(pins))
    importlib.invalidate_caches()


def _is_installed(stamp: Path, pins: Path) -> bool:
    return stamp.exists() and stamp.read_text() == _digest(pins)


def _digest(pins: Path) -> str:
    # By content, so that changed pins are installed anew and a fresh checkout of the same ones is not.
    return hashlib.sha256(pins.read_bytes()).hexdigest()


def _pip(pins: Path, otherwise: str) -> None:
    options = ["-q", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["ERROR: no reason given"]
        said = errors[0].removeprefix("ERROR:").strip()
        raise RuntimeError(f"pip could not install requirements/{pins.name} ({said}); {otherwise}")
