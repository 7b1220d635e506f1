"""Logs: one JSON object a line on stdout under ``serve``, coloured lines on stderr for people under ``dev``.

No secret, signature, card number or body is ever given to a log call; a traceback is frames and the exception's type,
without its message, which could quote a body. The libraries' own loggers come through the same door, off the hot path.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import orjson
import structlog

LIBRARIES = ("uvicorn", "aiokafka", "asyncio")


def configure(*, people: bool, level: int = logging.INFO) -> None:
    """Set logging up for this process, once; nothing is logged before."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        frames_only,
    ]
    if people:
        renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        factory: Any = structlog.PrintLoggerFactory(sys.stderr)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_dumps)
        factory = structlog.BytesLoggerFactory(sys.stdout.buffer)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    bridge = _Bridge()
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [bridge]
        library.propagate = False
        library.setLevel(logging.WARNING)
    # "Invalid HTTP request received" at every junk request would let junk fill the log; it is counted instead.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def get() -> Any:
    """The logger of this process: ``info``, ``warning``, ``error`` take a dotted event and fields."""
    return structlog.get_logger()


def frames_only(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
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
    """Gives the libraries' records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        log = get()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library.log", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)


def _dumps(event: dict[str, Any], **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
