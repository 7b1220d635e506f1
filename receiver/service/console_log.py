"""Log lines for people: coloured, on stderr, made by structlog.

Apart from ``logs``, since structlog imports rich: 0.08 s and several megabytes that no process of ``serve`` needs.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog

from receiver.service.log_frames import frames_only


def configure(level: int) -> None:
    """Show lines of ``level`` and above, one of ``logging``'s numbers, from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            frames_only,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def get() -> Any:
    """The logger; without ``configure`` it is structlog's own default."""
    return structlog.get_logger().bind()
