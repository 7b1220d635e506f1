"""What belongs to the whole process, and so to all tests of a worker: each test leaves it as it found it.

Tests run in a random order. What one of them leaves behind, such as a logger that writes to a closed stream, fails
another one now and then, and nobody finds out which; so who leaves something is told at once.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from receiver.service import logs

SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGVTALRM, signal.SIGPROF,
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTOU, signal.SIGXFSZ,
)  # fmt: skip
"""All but SIGALRM, by which pytest-timeout ends a test."""
PYTESTS_OWN = b"PYTEST_CURRENT_TEST"
"""The variable that it changes with each phase of a test."""


def environment() -> dict[bytes, bytes]:
    """All but pytest's own. By the mapping's inner one: to decode each variable twice a test would be felt."""
    found: dict[bytes, bytes] = dict(vars(os.environ)["_data"])
    found.pop(PYTESTS_OWN, None)
    return found


PARTS: Mapping[str, Callable[[], Any]] = {
    "the working directory": os.getcwd,
    "the environment": environment,
    "signal handlers": lambda: {number.name: _handler(number) for number in SIGNALS},
    "hooks for exceptions": lambda: (sys.excepthook, threading.excepthook, sys.unraisablehook),
    "loggers": lambda: [_logger(name) for name in (None, *logs.LIBRARIES, "uvicorn.error")],
    "the logging of warnings": lambda: (warnings.showwarning, logging.raiseExceptions, logging.root.manager.disable),
    "structlog": lambda: (structlog.is_configured(), structlog.get_config() if structlog.is_configured() else None),
    "the service's logger": lambda: list(logs._SERVICE),
    "where modules are searched": lambda: list(sys.path),
    "the interpreter's own settings": lambda: (sys.getswitchinterval(), sys.getrecursionlimit(), gc.isenabled()),
    "the time limit of sockets": socket.getdefaulttimeout,
}
"""What it is → how it is now, as something that can be compared."""

State = dict[str, Any]


def state() -> State:
    """How all of it is now."""
    return {name: look() for name, look in PARTS.items()}


def changes(before: State) -> list[str]:
    """What is not as it was, each with what it was and what it is."""
    now = state()
    return [f"{name}: {_shown(before[name], now[name])}" for name in PARTS if before[name] != now[name]]


def _handler(number: signal.Signals) -> Any:
    # `nohup` has it ignored, and an event loop that had it gives it back as the system's own.
    found = signal.getsignal(number)
    return signal.SIG_DFL if number == signal.SIGHUP and found == signal.SIG_IGN else found


def _logger(name: str | None) -> tuple[Any, ...]:
    found = logging.getLogger(name)
    return found.level, found.propagate, found.disabled, list(found.handlers)


def _shown(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):  # names alone: what is there may be secret
        names = (name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        return ", ".join(sorted(name.decode() if isinstance(name, bytes) else str(name) for name in names))
    return f"{before!r} became {now!r}"
