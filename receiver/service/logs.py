"""Logs: one JSON object a line on stdout under ``serve``, coloured lines on stderr for people under ``dev``.

A service's lines are made here, without structlog, since this is on the hot path: with the metrics and the wake-ups it
took the intake process from 63 to 52 µs a callback. ``log_writer`` writes them, so that no reader of the log, and no
lack of one, holds anything up. For the same reason nothing of a service writes to stderr once it runs: what Python has
to say there becomes lines too.

No secret, signature, card number or body is ever given to a log call; a traceback is frames and the exception's type,
without its message, which could quote a body. The libraries' own loggers come through the same door, off the hot path.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson

from receiver.model.printable import printable_json
from receiver.model.times import from_us
from receiver.service.log_frames import frames_only, without_cards
from receiver.service.log_writer import PIECE_BYTES_MAX, LogWriter

LIBRARIES = ("uvicorn", "aiokafka", "asyncio")
STDOUT = 1
LINE_BYTES_MAX = PIECE_BYTES_MAX - 1
"""Of a line without its newline; what is longer is cut, field by field."""
NAMES_MAX, NAME_CHARACTERS_MAX = 30, 60
"""Of a line's fields, where it is cut."""


def configure(*, people: bool, level: int = logging.INFO, role: str = "supervisor") -> Any:
    """Set logging up for this process, once, and give its logger; nothing is logged before.

    ``people``: coloured lines of ``level`` and above on stderr, in the place of JSON lines on stdout. ``role``: which
    process of a service this is, for what it says of lost lines.
    """
    if people:
        _SERVICE.clear()
        _console().configure(level)
    else:
        _need_stdout()
        _SERVICE[:] = [ServiceLogger(LogWriter(STDOUT, lambda count, why: _lines_lost(role, count, why)))]
        atexit.register(_SERVICE[0].writer.close)
        _leave_stderr_alone(_SERVICE[0])
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


def lines_lost() -> int:
    """How many lines this process could not write, since it started."""
    return sum(log.writer.lost for log in _SERVICE)


def _lines_lost(role: str, count: int, why: str) -> bytes:
    return json_line({"role": role, "count": count, "why": why}, "log.lines_lost", "warning")


def _need_stdout() -> None:
    # A closed one would be the next file or socket that is opened, and get the log. In its place comes a pipe that
    # nobody reads, for this process and its children: the service runs, and what it says counts as lost.
    if sys.stdout is not None:
        return
    if sys.stderr is not None:
        sys.stderr.write("receiver: stdout is closed, so the log is lost; the service runs without it\n")
    reader, writer = os.pipe()
    if writer != STDOUT:
        os.dup2(writer, STDOUT)
        os.close(writer)
    os.set_inheritable(STDOUT, True)  # noqa: FBT003  the standard library's own signature
    if reader != STDOUT:
        os.close(reader)


def _leave_stderr_alone(log: ServiceLogger) -> None:
    # It is often the same pipe as stdout, and as stalled.
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(logging.WARNING)
    sys.excepthook = lambda _kind, error, _frames: log.error("python.uncaught", exc_info=error)
    threading.excepthook = lambda said: log.error("python.uncaught", exc_info=said.exc_value)
    sys.unraisablehook = lambda said: log.error("python.unraisable", exc_info=said.exc_value)
    # Of a terminal that is another's meanwhile (`stty tostop`): to write there would stop the whole process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)


def _console() -> Any:
    # Only where a person watches: see there why.
    return importlib.import_module("receiver.service.console_log")


class ServiceLogger:
    """structlog's methods without its chain of processors: an event's fields become a line at once."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer

    def info(self, event: str, /, **fields: object) -> None:
        """Log what went well; the line is written soon."""
        self.writer.later(json_line(fields, event, "info"))

    def warning(self, event: str, /, **fields: object) -> None:
        """Log what a person should know, at once."""
        self.writer.now(json_line(fields, event, "warning"))

    def error(self, event: str, /, **fields: object) -> None:
        """Log what a person must act on, at once."""
        self.writer.now(json_line(fields, event, "error"))

    def exception(self, event: str, /, **fields: object) -> None:
        """Log a bug of ours, with the frames that led to it."""
        self.error(event, **{"exc_info": True, **fields})


_SERVICE: list[ServiceLogger] = []
"""The logger of this process, once it is configured for a service; none where people watch."""


def json_line(fields: MutableMapping[str, Any], event: str, level: str) -> bytes:
    """Turn an event into its line: fields, name, level, time, and frames in the place of an exception."""
    if "exc_info" in fields:
        fields = frames_only(None, level, fields)
    fields = without_cards(fields)
    fields["event"] = event
    fields["level"] = level
    fields["timestamp"] = from_us(time.time_ns() // 1000)
    try:
        line = orjson.dumps(fields, default=str)
        if not line.isascii():
            line = printable_json(line)
    except Exception:  # noqa: BLE001  an integer of 30 digits, half a character: whoever logs is not to fail over it
        line = b""
    return line if 0 < len(line) <= LINE_BYTES_MAX else printable_json(_cut(fields))


def _cut(fields: Mapping[str, Any]) -> bytes:
    named = dict(list(fields.items())[-NAMES_MAX:])  # the last ones are the event's own
    for most in (1000, 300, 100):
        shown = {str(name)[:NAME_CHARACTERS_MAX]: _shown(value, most) for name, value in named.items()}
        line = orjson.dumps({**shown, "cut": True})
        if len(line) <= LINE_BYTES_MAX:
            return line
    return orjson.dumps({name: _shown(fields[name], 100) for name in ("event", "level", "timestamp")} | {"cut": True})


def _shown(value: object, most: int) -> object:
    # Numbers as they are; of a list the last ones, since the innermost frames are last.
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    if isinstance(value, list | tuple):
        return [_shown(item, most) for item in value[-(most // 10) :]]
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception as error:  # noqa: BLE001  as above
        text = type(error).__name__
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= most else text[:most] + "…"


class _Bridge(logging.Handler):
    """Gives the libraries' records to the logger of this process."""

    def emit(self, record: logging.LogRecord) -> None:
        log = get()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  a library's message does not fit its arguments
            message = str(record.msg)
        write("library.log", logger=record.name, message=message, exc_info=record.exc_info)
