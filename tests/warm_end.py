"""How a fork of a warm process ends: as an interpreter does, but for taking all modules apart.

A new interpreter frees what it has read, at little cost. A fork would have to copy it first, page by page, since it
shares it with all others: that was most of what a short command cost. Nothing is left to be seen by then: threads were
waited for, what was registered for the exit has run, and the streams are flushed.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable


def run_to_the_end(main: Callable[[], int | None]) -> None:
    """Call what a process is for, and end it. Whatever is no plain exit code the interpreter itself makes an end of."""
    try:
        code = main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(code)  # it says what it says of that
    os._exit((code or 0) & 0xFF)
