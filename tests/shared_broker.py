"""One Kafka broker for all the processes of a test run: pytest alone, or the workers of pytest-xdist.

The first that needs it starts it and, at its own end, waits until the others have left before it kills it: a broker
dies with the process that started it. What they agree by are locks on files, which a killed process lets go of.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from kafka_local import LocalKafka, answers

from tests.ports import free_port

POLL_S = 0.1


class ShareBroker(Protocol):
    """The fixture that joins a broker of its own name, with options of ``LocalKafka`` that are the same everywhere."""

    def __call__(self, name: str, **options: Any) -> LocalKafka: ...


class SharedBroker:
    """One process's share of the broker whose files are in a folder that all of them name."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self._folder = folder
        self._options = options
        self._port = folder / "port"
        self._present: IO[str] | None = None
        self._started: LocalKafka | None = None

    def join(self) -> LocalKafka:
        """The broker, started if none answers; raises ``RuntimeError``. For those who did not start it, its address."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            port = int(self._port.read_text()) if self._port.exists() else 0
            if port == 0 or not answers(port):
                port = self._start()
            self._present = (self._folder / "present").open("a")
            fcntl.flock(self._present, fcntl.LOCK_SH)
        return self._started or LocalKafka(self._folder, port=port)

    @property
    def is_ours(self) -> bool:
        """Whether this process started it, and so has to wait for the others."""
        return self._started is not None

    def leave(self) -> None:
        """Kill the broker if it is ours, once nobody else is there; to be called by everyone who may have joined."""
        if self._present is None:
            return
        if self._started is None:
            self._present.close()
            return
        while True:
            # Both locks, and never one while waiting for the other: who joins holds the first and wants the second.
            with self._alone(), contextlib.suppress(BlockingIOError):
                fcntl.flock(self._present, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._port.unlink(missing_ok=True)
                self._started.kill()
                self._present.close()
                return
            time.sleep(POLL_S)

    def _start(self) -> int:
        # A folder of its own: the one of a broker whose process was killed is that cluster's.
        broker = LocalKafka(
            self._folder / f"started-{time.time_ns()}", port=free_port(), controller=free_port(), **self._options
        )
        broker.start()
        try:
            broker.wait_ready()
        except RuntimeError:
            broker.kill()
            raise
        self._started = broker
        self._port.write_text(str(broker.port))
        return broker.port

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def leave_all(joined: Iterable[SharedBroker]) -> None:
    """Leave those of others first: whoever started them waits for it, and may hold up one of ours meanwhile."""
    for broker in sorted(joined, key=lambda one: one.is_ours):
        broker.leave()
