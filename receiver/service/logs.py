"""Logs: one JSON object a line on stdout under ``serve``, coloured lines on stderr for people under ``dev``.

A service's lines are made here, without structlog, and written together, since this is on the hot path: with the
metrics and the wake-ups it took the intake process from 63 to 52 µs a callback.

No secret, signature, card number or body is ever given to a log call; a traceback is frames and the exception's type,
without its message, which could quote a body. The libraries' own loggers come through the same door, off the hot path.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import MutableMapping
from typing import Any, BinaryIO

import orjson

from receiver.model.times import from_us

LIBRARIES = ("uvicorn", "aiokafka", "asyncio")


def configure(*, people: bool, level: int = logging.INFO) -> Any:
    """Set logging up for this process, once, and give its logger; nothing is logged before.

    ``people``: coloured lines of ``level`` and above on stderr, in the place of JSON lines on stdout.
    """
    if people:
        _SERVICE.clear()
        _console().configure(level)
    else:
        lines = Lines(sys.stdout.buffer)
        _SERVICE[:] = [ServiceLogger(lines)]
        atexit.register(lines.flush)
    bridge = _Bridge()
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [bridge]
        library.propagate = False
        library.setLevel(logging.WARNING)
    # "Invalid HTTP request received" at every junk request would let junk fill the log; it is counted instead.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return get()


def get() -> Any:
    """The logger of this process: ``info``, ``warning``, ``error`` take a dotted event and fields."""
    return _SERVICE[0] if _SERVICE else _console().get()


def _console() -> Any:
    # Only where a person watches: see there why.
    return importlib.import_module("receiver.service.console_log")


def write_together(loop: asyncio.AbstractEventLoop) -> None:
    """From now on what one turn of ``loop`` logs is written together; warnings and errors are written at once."""
    for log in _SERVICE:
        log.lines.write_together(loop)


class Lines:
    """Where lines go: to a file, in order, at once or together."""

    def __init__(self, file: BinaryIO) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        """Whose turns gather lines; None: each line is written at once."""
        self._loop_thread = 0
        self._file = file
        self._waiting: deque[bytes] = deque()
        self._writing = threading.Lock()
        self._planned = False

    def write_together(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gather by turns of ``loop``, which is this thread's."""
        self._loop, self._loop_thread = loop, threading.get_ident()

    def later(self, line: bytes) -> None:
        """Write it by the end of this turn."""
        self._waiting.append(line)
        loop = self._loop
        if loop is None:
            self.flush()
        elif not self._planned:
            self._planned = True
            # From the loop's own thread it needs no waking: counted, two system calls for each callback that is alone.
            own = threading.get_ident() == self._loop_thread
            try:
                (loop.call_soon if own else loop.call_soon_threadsafe)(self.flush)
            except RuntimeError:  # it is closed
                self.flush()

    def now(self, line: bytes) -> None:
        """Write it, and what waits before it."""
        self._waiting.append(line)
        self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        with self._writing:
            self._planned = False
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if waiting:
                self._file.write(b"\n".join(waiting) + b"\n")
                self._file.flush()


class ServiceLogger:
    """structlog's methods without its chain of processors: an event's fields become a line at once."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def info(self, event: str, /, **fields: object) -> None:
        """Log what went well; the line is written by the end of this turn."""
        self.lines.later(json_line(fields, event, "info"))

    def warning(self, event: str, /, **fields: object) -> None:
        """Log what a person should know, at once."""
        self.lines.now(json_line(fields, event, "warning"))

    def error(self, event: str, /, **fields: object) -> None:
        """Log what a person must act on, at once."""
        self.lines.now(json_line(fields, event, "error"))

    def exception(self, event: str, /, **fields: object) -> None:
        """Log a bug of ours, with the frames that led to it."""
        self.error(event, **{"exc_info": True, **fields})


_SERVICE: list[ServiceLogger] = []
"""The logger of this process, once it is configured for a service; none where people watch."""


def json_line(fields: MutableMapping[str, Any], event: str, level: str) -> bytes:
    """Turn an event into its line: fields, name, level, time, and frames in the place of an exception."""
    if "exc_info" in fields:
        fields = frames_only(None, level, fields)
    fields["event"] = event
    fields["level"] = level
    fields["timestamp"] = from_us(time.time_ns() // 1000)
    return orjson.dumps(fields, default=str)


def frames_only(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn ``exc_info`` into the exception's type and its frames; the message stays out."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = type(error).__qualname__
        frames = traceback.extract_tb(error.__traceback__)
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


class _Bridge(logging.Handler):
    """Gives the libraries' records to the logger of this process."""

    def emit(self, record: logging.LogRecord) -> None:
        log = get()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library.log", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)
