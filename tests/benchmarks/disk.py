"""What one fsync takes meanwhile, by a thread that makes one now and then."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_S = 0.02
"""Rare beside a thousand callbacks a second, and 200 of them in four seconds."""
PAGE = bytes(4096)


class Fsyncs:
    """Appends a page to a file of its own, as a journal does, and notes how long its fsync took."""

    def __init__(self) -> None:
        self._took_s: list[float] = []

    @property
    def p50_ms(self) -> float:
        """The median so far."""
        return statistics.median(self._took_s) * 1000

    @contextlib.contextmanager
    def beside(self, folder: Path) -> Iterator[None]:
        """Meanwhile, on the disk of ``folder``."""
        ended = threading.Event()

        def work() -> None:
            with tempfile.TemporaryFile(dir=folder) as file:
                while not ended.wait(EVERY_S):
                    os.write(file.fileno(), PAGE)
                    started_s = time.perf_counter()
                    os.fdatasync(file.fileno())
                    self._took_s.append(time.perf_counter() - started_s)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
