"""Whether the files that a store has open are still those at its paths.

A process that holds a file open writes to it also after its name was deleted or given to another file. SQLite commits
there as always, and what it commits is gone with the process. So whoever answers for a commit asks here first.
"""

from __future__ import annotations

from pathlib import Path

PARTS = ("", "-wal", "-shm")
"""What SQLite adds to the name: the database, its write-ahead log, and the index of that log which processes share."""


class OpenFiles:
    """The files of one store, as they are when this is made: right after the store was opened.

    One thread opens and closes the store, and others may ask ``fault`` meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Raises ``OSError`` where one of them is not there even now."""
        self._path = path
        self._known = {Path(f"{path}{part}"): _identity(Path(f"{path}{part}")) for part in PARTS}

    def closing(self) -> None:
        """The store is about to be closed: SQLite deletes the log's files then where nobody else has them open."""
        self._known = {self._path: self._known[self._path]}

    def reopened(self) -> None:
        """Take note of the log's files after the store was opened again, which may have made them anew.

        The database itself must be the one it was; where it is not, ``fault`` goes on saying so.
        """
        log = (Path(f"{self._path}{part}") for part in PARTS if part)
        self._known = self._known | {path: _identity(path) for path in log}

    def fault(self) -> str | None:
        """None while each name still leads to the same file, else a sentence; asks the file system, no database."""
        while True:
            known = self._known
            faults = (_fault(path, identity) for path, identity in known.items())
            fault = next((fault for fault in faults if fault is not None), None)
            if fault is None or self._known is known:  # else another thread closes the store, or has opened it again
                return fault


def _fault(path: Path, known: tuple[int, int]) -> str | None:
    try:
        if _identity(path) != known:
            return f"{path} is another file than the one in use: restart the service"
    except FileNotFoundError:
        return f"{path} was deleted or moved while in use: put it back, or restart the service"
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    return None


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
