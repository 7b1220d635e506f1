"""Whoever reads the service's log, from a pipe with a name as a collector does; it can stall, die and be replaced."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import BinaryIO

PIPE_BYTES = 4096
"""What the pipe holds: the least there is, so that a reader who stalls is felt at once."""
COPY = 'exec cat <>"$1" >>"$2"'
"""Opened for both, the pipe never ends for the reader, however often the service is started again."""


class LogReader:
    """A process that copies what comes through a pipe to the end of a file."""

    def __init__(self, pipe: Path, file: Path) -> None:
        self._pipe, self._file = pipe, file
        self._process: subprocess.Popen[bytes] | None = None
        os.mkfifo(pipe)

    def start(self) -> None:
        """Read, unless somebody does."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(["sh", "-c", COPY, "sh", str(self._pipe), str(self._file)])

    def open(self) -> BinaryIO:
        """Give where to write to, once there is a reader."""
        self.start()
        writing = self._pipe.open("wb", buffering=0)
        fcntl.fcntl(writing.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return writing

    def stall(self) -> None:
        """Read no further for the time being; it has stopped when this returns."""
        self._signal(signal.SIGSTOP)
        while self._process is not None and self._state(self._process.pid) not in {"T", "Z"}:
            time.sleep(0.001)

    @staticmethod
    def _state(pid: int) -> str:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    def go_on(self) -> None:
        """Read again after ``stall``."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Die, and leave the pipe without a reader."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
