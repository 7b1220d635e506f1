"""The log as an argument: what the house needs of a logger."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """A logger of dotted event names with fields; structlog's loggers are such, and so is a test's list of lines."""

    def info(self, event: str, /, **fields: object) -> None:
        """Log what went well."""

    def warning(self, event: str, /, **fields: object) -> None:
        """Log what a person should know."""

    def error(self, event: str, /, **fields: object) -> None:
        """Log what a person must act on."""

    def exception(self, event: str, /, **fields: object) -> None:
        """Log a bug of ours, with the frames that led to it."""
