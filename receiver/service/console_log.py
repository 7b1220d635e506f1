"""Log lines for people: coloured, on stderr, made by structlog.

Apart from ``logs``, since structlog imports rich: 0.08 s and several megabytes that no process of ``serve`` needs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from receiver.model.printable import printable
from receiver.service.log_frames import frames_only, without_cards


def configure(level: int) -> None:
    """Show lines of ``level`` and above, one of ``logging``'s numbers, from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            frames_only,
            for_people,
            structlog.dev.ConsoleRenderer(colors=sys.stderr is not None and sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )


def for_people(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show what a stranger wrote on the line's one line, without control characters and card numbers.

    Only texts need it: all else is shown as its ``repr``, which escapes what is not printable.
    """
    shown = without_cards(event)
    return {printable(name): printable(value) if isinstance(value, str) else value for name, value in shown.items()}


def get() -> Any:
    """The logger; without ``configure`` it is structlog's own default."""
    return structlog.get_logger().bind()


class _Stderr:
    """The stderr of the moment. A line that nobody can be shown is dropped: whoever logs goes on with its work."""

    def write(self, text: str) -> None:
        """Show ``text``."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Show it now."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
