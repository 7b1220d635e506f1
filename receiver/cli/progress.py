"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from receiver.cli.output import say

PATIENCE_S = 2.0
"""Of silence that a person takes for work."""
LINE_S = 5.0
"""Between two plain lines."""


class Advance(Protocol):
    """Says that so much more is done."""

    def __call__(self, count: int = 1) -> None:
        """``count`` more."""


@contextmanager
def patience(what: str, after_s: float = PATIENCE_S) -> Iterator[None]:
    """Say ``what`` is waited for, once, where the body takes longer than a moment: nobody looks at silence for long."""
    timer = threading.Timer(after_s, say, [f"waiting for {what} …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """Show progress of ``total`` things (None: unknown) while the body runs."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}/s"),
        )
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task, started = bar.add_task(what, total=total, rate="0"), time.monotonic()

            def advance(count: int = 1) -> None:
                done = bar.tasks[0].completed + count
                bar.update(task, advance=count, rate=f"{done / max(0.001, time.monotonic() - started):.0f}")

            yield advance
        return
    yield _Lines(what, total).advance


class _Lines:
    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._started = self._said = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said >= LINE_S:
            self._said = now
            of = f" of {self._total}" if self._total is not None else ""
            rate = self._done / (now - self._started)
            left = f", {(self._total - self._done) / rate:.0f} s left" if self._total is not None and rate else ""
            sys.stderr.write(f"{self._what}: {self._done}{of}, {rate:.0f}/s{left}\n")
