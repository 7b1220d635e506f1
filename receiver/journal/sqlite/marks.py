"""Two small files beside the stores: which batch is being interpreted, and what earlier deaths taught.

The first is for the death of a process, not of the machine, so it needs no fsync: the kernel keeps what was written.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from receiver.journal.sqlite.private import open_private
from receiver.model.errors import StoreFailed

MARK_FILE = "interpreting"
LESSONS_FILE = "suspects.json"
_RANGE = struct.Struct(">qq")


class FileMarks:
    """``ports.Marks``. The supervisor reads what the process that it lost had set."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def set(self, first: int, last: int) -> None:
        """Callbacks ``first`` to ``last`` are being interpreted; 0, 0: none are."""
        if self._file is None:
            self._file = open_private(self._folder / MARK_FILE, 0)
        os.pwrite(self._file, _RANGE.pack(first, last), 0)

    def read(self) -> tuple[int, int]:
        """What was being interpreted last; (0, 0) for nothing."""
        try:
            content = (self._folder / MARK_FILE).read_bytes()
        except FileNotFoundError:
            return 0, 0
        first, last = _RANGE.unpack(content) if len(content) == _RANGE.size else (0, 0)
        return int(first), int(last)

    def lessons(self) -> Mapping[str, Any]:
        """The document that was kept; empty where there is none that can be read."""
        try:
            document = orjson.loads((self._folder / LESSONS_FILE).read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def keep_lessons(self, document: Mapping[str, Any]) -> None:
        """Keep it, whole or not at all."""
        write_whole(self._folder / LESSONS_FILE, orjson.dumps(document))

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file with an fsync, so that it is there whole or as before; raises ``StoreFailed``."""
    new = path.with_name(f"{path.name}.new")
    try:
        descriptor = open_private(new, os.O_TRUNC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise StoreFailed(f"{path}: {error.strerror}") from error
