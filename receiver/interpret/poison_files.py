"""Two small files beside the stores: which batch is being interpreted, and which callbacks are suspected of killing.

The mark is for the death of a process, not of the machine, so it needs no fsync: the kernel keeps what was written.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import orjson

from receiver.interpret.poison import NOBODY, Suspects, from_document, to_document

MARK_FILE = "interpreting"
SUSPECTS_FILE = "suspects.json"
_RANGE = struct.Struct(">qq")


class BatchMark:
    """The interpret process's side: says what it is about to interpret."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / MARK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
        self.set(0, 0)

    def set(self, first: int, last: int) -> None:
        """Callbacks ``first`` to ``last`` are being interpreted; 0, 0: none are."""
        os.pwrite(self._file, _RANGE.pack(first, last), 0)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


def read_mark(folder: Path) -> tuple[int, int]:
    """What was being interpreted when the interpret process died; (0, 0) for nothing."""
    try:
        content = (folder / MARK_FILE).read_bytes()
    except FileNotFoundError:
        return 0, 0
    first, last = _RANGE.unpack(content) if len(content) == _RANGE.size else (0, 0)
    return int(first), int(last)


def read_suspects(folder: Path) -> Suspects:
    """What earlier deaths taught; a file that cannot be read teaches nothing."""
    try:
        return from_document(orjson.loads((folder / SUSPECTS_FILE).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return NOBODY


def write_suspects(folder: Path, suspects: Suspects) -> None:
    """Keep it for the next one, whole or not at all."""
    new = folder / f"{SUSPECTS_FILE}.new"
    descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(to_document(suspects)))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / SUSPECTS_FILE)
