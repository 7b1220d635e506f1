"""How a command ends that did not go as it should: one sentence, in whatever letters the terminal has.

Imports nothing but the standard library: it is there for every command, the shortest ones too.
"""

from __future__ import annotations

import io
import os
import select
import traceback
from pathlib import Path
from typing import IO

TRACEBACK_VARIABLE = "RECEIVER_TRACEBACK"
"""Where it is set, a command that fails over a bug of ours shows the traceback."""
OUTPUT = 1


def say_anything(stream: IO[str] | None) -> None:
    """Let a stream whose encoding lacks a letter show it as an escape, and not fail: `→` on an ASCII terminal."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def system_reason(error: OSError) -> str:
    """``PATH: reason`` in the system's own words; only the reason where it is about no path."""
    reason = error.strerror or str(error) or type(error).__name__
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if isinstance(path, str | bytes | Path)]
    return f"{' → '.join(paths)}: {reason}" if paths else reason


def bug(error: Exception) -> str:
    """Type and place of an error that nobody expected; not its message, which could quote a body or a secret."""
    if os.environ.get(TRACEBACK_VARIABLE):
        return "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return (
        f"a bug: {type(error).__name__}{place}. Please report it with its traceback, which is shown with "
        f"{TRACEBACK_VARIABLE}=1 in the environment; look through that for secrets first"
    )


def reader_has_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more, as of `receiver … | head`."""
    looking = select.poll()
    looking.register(OUTPUT, 0)
    return any(events & select.POLLERR for _, events in looking.poll(0))


def drop_output() -> None:
    """Send what is still to be written nowhere, or the interpreter tries it again when it ends, and says so."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, OUTPUT)
    os.close(nowhere)
