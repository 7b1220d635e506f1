"""What an inbox says of itself: whether it can keep what it takes, by what its last commit did and not by a stand-in.

Free space is only the first thing to look at. A quota, a disk mounted read-only, a file that may not grow, a name that
was deleted, a disk that answers nothing: each leaves free space as it was while nothing can be kept.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from receiver.journal.sqlite.open_files import OpenFiles

COMMIT_STALLED_S = 5.0
"""A commit that takes longer is said: its callers still wait, and each new one would wait behind them."""


class InboxHealth:
    """Written by the inbox's two threads, read by the event loop; each field is set in one step."""

    def __init__(self, path: Path, disk_free_bytes_min: int) -> None:
        """Called when the store is open. Raises ``OSError`` where its files are not there."""
        self._path = path
        self._disk_free_bytes_min = disk_free_bytes_min
        self._files = OpenFiles(path)
        self._files_fault: str | None = None
        self._disk: str | None = None
        self._failed: str | None = None
        self._commit_began_s: float | None = None
        self.disk_free_bytes = 0
        self.wal_bytes = 0

    def look(self) -> None:
        """Ask the disk."""
        self._files_fault = self._files.fault()
        try:
            disk = os.statvfs(self._path.parent)
            self.disk_free_bytes = disk.f_bavail * disk.f_frsize
            wal = Path(f"{self._path}-wal")
            self.wal_bytes = wal.stat().st_size if wal.exists() else 0
        except OSError:
            self._disk = "disk_unreadable"
            return
        self._disk = "disk_full" if self.disk_free_bytes < self._disk_free_bytes_min else None

    def files_fault(self) -> str | None:
        """What is wrong with the open files, asked of the file system now; None where nothing is."""
        self._files_fault = self._files.fault()
        return self._files_fault

    def closing(self) -> None:
        """The store is about to be closed for a moment, and opened again."""
        self._files.closing()

    def reopened(self) -> None:
        """The store was opened again after an error. Raises ``OSError`` where its files are not there."""
        self._files.reopened()

    def begin_commit(self) -> None:
        """A commit is under way."""
        self._commit_began_s = time.monotonic()

    def end_commit(self, error: Exception | None) -> None:
        """It ended; without an error everything that was wrong with commits is over."""
        self._commit_began_s = None
        self._failed = None if error is None else str(error) or repr(error)

    @property
    def failing(self) -> bool:
        """Whether the last commit failed."""
        return self._failed is not None

    def refusal(self) -> str | None:
        """Why nothing is taken: ``files_gone``, ``disk_full``, ``disk_unreadable``.

        Not because of a commit that failed: whether the next one does is known only once it was tried.
        """
        return "files_gone" if self._files_fault is not None else self._disk

    def trouble(self) -> str | None:
        """What is wrong, for people, in the words of the system or of SQLite; None where nothing is."""
        if self._files_fault is not None:
            return f"files_gone: {self._files_fault}"
        if self._disk is not None:
            return self._disk
        if self._failed is not None:
            return f"commit_failed: {self._failed}"
        began_s = self._commit_began_s
        waited_s = 0.0 if began_s is None else time.monotonic() - began_s
        return f"commit_stalled: one has been under way for {waited_s:.0f} s" if waited_s > COMMIT_STALLED_S else None
