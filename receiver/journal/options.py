"""What an engine is told beside ``journal.url``. Engines that need none of it look at none of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Of an engine that is a server; each is a setting."""

    password: Callable[[], str] | None = None
    """Looked up at each connect, so that it can be exchanged; None where the server asks for none."""
    schema: str = "receiver"
    """In which the journal's tables are."""
    replicated: bool = False
    """Whether a commit counts only once a replica has it too, so that a server without one is refused."""
    commit_timeout_s: float = 5.0
    """How long a callback waits for its commit, and any statement of the service's own way for its answer, in s."""
    connections: int = 2
    """Commits of callbacks that one process has under way at the same time."""
    lease_s: float = 3.0
    """How long a holder may be silent before another takes its place, in s."""


NO_OPTIONS = EngineOptions()
