"""What every process of ``receiver serve`` is: made from one kind of context, run and asked in one way.

Each role is a module of ``receiver.service.processes`` with a function ``make``. A module is imported when its process
is made and not before, so that a child holds only its own part in memory, and is back sooner when it is started again.
"""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from receiver.journal.handle import Journal
from receiver.model.log import Log
from receiver.service.config.settings import Settings

Role = Literal["intake", "interpret", "publish", "reconcile", "keep", "traces", "console"]
ServeRole = Literal["all", "intake", "worker"]
"""What one service does of it all: take callbacks, interpret and publish them, or both."""
STOP, RELOAD = b"stop\n", b"reload\n"
"""What a supervisor tells a child over the link between them."""
FENCED_EXIT = 75
"""Of a child whose slot of the journal is another worker's by now: no fault of its own. EX_TEMPFAIL of sysexits."""


class Process(Protocol):
    """One process's part, whether it has a process of its own or shares one, as under ``receiver dev``."""

    async def run(self) -> None:
        """Work until ``stop``, then drain."""

    def stop(self) -> None:
        """Begin to drain."""

    def wake(self) -> None:
        """Look for new work at once: another process has made some."""

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again; raises ``ConfigurationError`` and keeps the old ones."""

    def status(self) -> dict[str, Any]:
        """Its part of ``/readyz``."""

    def metrics(self) -> bytes:
        """Its part of ``/metrics``."""


def _wake_nobody() -> None:
    pass


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What a process is made from: the configuration, the journal, and its ties to the other processes."""

    settings: Settings
    environ: Mapping[str, str]
    """Where references to secrets are looked up."""
    journal: Journal
    log: Log
    wake_next: Callable[[], None] = _wake_nobody
    """Called when there is work for the next process on a callback's way."""
    listener: socket.socket | None = None
    """Of ``intake`` the public listener, of ``console`` its own; it is bound and listens already."""
    on_its_own: bool = False
    """Whether the part has a process of its own and a supervisor: it may end the process, and is started again."""


def make_process(role: Role, context: ProcessContext) -> Process:
    """Import a role's module and make its part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return cast("Process", importlib.import_module(f"receiver.service.processes.{role}").make(context))
