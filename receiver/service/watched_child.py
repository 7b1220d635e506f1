"""One kind of child process as the supervisor sees it: started, heard, told what to do, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.journal.slots import HeldSlot
from receiver.model.errors import ReceiverError
from receiver.model.log import Log
from receiver.service.launch import command, environment, signals_held_back
from receiver.service.process import RELOAD, STOP, Role
from receiver.service.process_figures import Figures
from receiver.service.process_figures import figures as of_process

DEATHS_MAX = 20
"""Of one kind of child within ``DEATHS_WINDOW_S``; then the service gives up, exit 1."""
DEATHS_WINDOW_S = 60.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0
"""Before a child is started again: it is to be back within 5 s, and 20 deaths are to fit into a minute."""
SILENT_S = 3.0
"""A child that has not reported for so long counts as down: ``/readyz`` is to be true within 5 s."""
HUNG_LOOKS, HUNG_LOOK_S = 4, 45.0
"""A child that acts for a slot and was not heard at so many looks in a row hangs, and is killed: its supervisor lives
and so keeps the slot, which would stand still. It is far longer than a database may take to answer or to refuse: that
is up to a minute, and afterwards a child says that it lives. Looks are counted and not seconds, since a supervisor that
was stopped itself would take its children for silent when it wakes up."""
REPORT_BYTES_MAX = 4 * 1024 * 1024
"""One report with its metrics; a longer line would be a bug."""


class GaveUp(ReceiverError):
    """A child died too often."""


@dataclass(frozen=True, slots=True)
class Report:
    """A child's last words: its part of ``/readyz``, its metrics, and how many log lines it could not write."""

    status: Mapping[str, Any]
    metrics: bytes
    lines_lost: int
    heard_s: float


OnDeath = Callable[[int], None]
"""Told the exit code."""


def nothing(_code: int) -> None:
    """Do nothing about a death: what is dead is started again anyway."""


class Child:
    """One kind of child process, started again whenever it dies."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        role: Role,
        descriptors: Mapping[str, int],
        log: Log,
        on_death: OnDeath = nothing,
        hidden: Collection[str] = (),
        *,
        held: HeldSlot | None = None,
        number: int | None = None,
    ) -> None:
        """``hidden``: variables of the environment that it is started without.

        ``held`` is the slot of the journal that it acts for; ``number`` tells it from others of its role that do the
        same.
        """
        self.role = role
        self.held = held
        self.number = number if held is None else held.slot
        self.name = role if self.number is None else f"{role}.{self.number}"
        """What its log lines and figures call it."""
        self._hidden = hidden
        self._on_death = on_death
        self._descriptors = dict(descriptors)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._link: socket.socket | None = None
        self._gone = asyncio.Event()
        self._gone.set()
        self._deaths: deque[float] = deque(maxlen=DEATHS_MAX)
        self._stopping = self._killed = False
        self._report: Report | None = None
        self._unheard = 0
        """Looks since it was heard last, or started."""
        self.restarts = 0
        self._lines_lost_before = 0
        """Log lines that those could not write who died."""

    def lines_lost(self) -> int:
        """How many log lines this kind of child could not write."""
        return self._lines_lost_before + (self._report.lines_lost if self._report is not None else 0)

    def report(self) -> Report | None:
        """What it said last, None when it is dead or has been silent for too long."""
        if self._report is None or time.monotonic() - self._report.heard_s > SILENT_S:
            return None
        return self._report

    def starting(self) -> bool:
        """Whether it runs and has said nothing yet."""
        return self._process is not None and self._report is None

    def figures(self) -> Figures | None:
        """What the system counts of it, None while it is dead."""
        return of_process(self._process.pid) if self._process is not None else None

    def reload(self) -> None:
        """Have it read the secrets again, as soon as it hears; one that is not there reads them when it starts."""
        self._tell(RELOAD)

    async def run(self) -> None:
        """Keep it running until ``stop``; raises ``GaveUp``."""
        refusals = 0
        while not self._stopping:
            try:
                code = await self._live()
            except (OSError, RuntimeError) as error:  # no descriptor, process or thread is left: that may pass
                refusals += 1
                why = getattr(error, "strerror", None) or str(error)
                self._log.error("serve.child_not_started", role=self.name, why=why)
                await asyncio.sleep(_backoff_s(refusals))
                continue
            refusals = 0
            if self.stopping():
                return
            self._on_death(code)
            self.restarts += 1
            self._deaths.append(time.monotonic())
            self._log.error("serve.child_died", role=self.name, **_cause(code), restarts=self.restarts)
            recent = [at for at in self._deaths if time.monotonic() - at < DEATHS_WINDOW_S]
            if len(recent) >= DEATHS_MAX:
                raise GaveUp(f"the {self.name} process died {len(recent)} times within {DEATHS_WINDOW_S:.0f} s")
            await asyncio.sleep(_backoff_s(len(recent)))

    def stopping(self) -> bool:
        """Whether a death is now what was asked for."""
        return self._stopping

    async def stop(self, timeout_s: float) -> None:
        """Have it drain and end, and kill it when it takes longer than ``timeout_s``."""
        self._stopping = True
        self._tell(STOP)
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self._log.error("serve.child_killed", role=self.name, after_s=timeout_s)
            await self.kill()

    async def kill(self) -> None:
        """End it at once, whatever it is at."""
        self._stopping = self._killed = True
        self._kill()
        await self._gone.wait()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _tell(self, order: bytes) -> None:
        # A few bytes always fit; whoever is too young to read them finds them, and whoever has ended needs none.
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.send(order)

    async def _live(self) -> int:
        self._link, theirs = socket.socketpair()
        self._gone.clear()
        try:
            with theirs:
                self._process = await self._start(theirs.fileno())
            if self._killed:  # while it was being started
                self._kill()
            self._log.info("serve.child_started", role=self.name, pid=self._process.pid)
            self._unheard = 0
            beside = [asyncio.create_task(self._listen(self._link))]
            if self.held is not None:
                beside.append(asyncio.create_task(self._end_hung()))
            try:
                return await self._process.wait()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
        finally:
            self._link.close()
            self._lines_lost_before = self.lines_lost()
            self._report = self._process = self._link = None
            self._gone.set()

    async def _start(self, link: int) -> asyncio.subprocess.Process:
        descriptors = {**self._descriptors, "link": link}
        with signals_held_back():
            return await asyncio.create_subprocess_exec(
                *command(self.role, descriptors, self.held),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=tuple(descriptors.values()),
                env=environment(os.environ, self._hidden),
            )

    async def _listen(self, ours: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=ours, limit=REPORT_BYTES_MAX)
        try:
            while line := await reader.readline():
                self._hear(line)
        finally:
            writer.close()

    def _hear(self, line: bytes) -> None:
        self._unheard = 0
        said = orjson.loads(line)
        if said["status"] is not None:  # else it lives, and could not ask its journal how it stands
            self._report = Report(said["status"], said["metrics"].encode(), said["lines_lost"], time.monotonic())

    async def _end_hung(self) -> None:
        while True:
            if self._hangs():
                self._log.error("serve.child_hung", role=self.name, silent_s=HUNG_LOOKS * HUNG_LOOK_S)
                self._kill()
                return
            await asyncio.sleep(HUNG_LOOK_S)

    def _hangs(self) -> bool:
        # Asked once for each look, the first at its start.
        self._unheard += 1
        return self._unheard > HUNG_LOOKS


def _backoff_s(failures: int) -> float:
    return min(BACKOFF_MAX_S, BACKOFF_MIN_S * float(2 ** min(failures, 10)))


def _cause(code: int) -> dict[str, object]:
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:  # of the real-time signals only the first and the last have names
        return {"signal": str(-code)}
