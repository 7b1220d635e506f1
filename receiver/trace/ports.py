"""What tracing needs of a collector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from receiver.trace.spans import Span


class Collector(Protocol):
    """Where spans go."""

    def send(self, spans: Sequence[Span]) -> str | None:
        """Send them, blocking for at most some seconds; None where they were taken, else why not. Raises nothing."""

    def close(self) -> None:
        """Give its connections back."""
