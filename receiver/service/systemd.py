"""What systemd is told of a unit of ``Type=notify``: that it is ready, reloads, stops, is alive, and how it is.

The protocol is a datagram of ``NAME=value`` lines to the socket that the environment names; outside of systemd there is
none, and nothing is said. Nothing here can fail a service: what cannot be said is left unsaid.
Source: systemd's manual, sd_notify(3) and sd_watchdog_enabled(3). Looked up 2026-11.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Self

LOOK_S = 0.5
"""Between two looks at how the service is."""
WATCHDOG_SHARE = 3
"""Signs of life within the time that systemd waits for one: one may be late."""


class Systemd:
    """The manager that started this process, or nobody."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = watchdog_s
        self._status = ""

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Self:
        """Read the environment, and take what is in it away: it is meant for this process and not for its children."""
        address = environ.pop("NOTIFY_SOCKET", "")
        usec, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        ours = pid in {"", str(os.getpid())}
        return cls(address, int(usec) / 1e6 if usec.isdecimal() and int(usec) and ours else None)

    def reloading(self) -> None:
        """Secrets are read again; ``reloaded`` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """All that use the secrets were told to read them."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Nothing new is taken."""
        self._tell("STOPPING=1")

    async def watch(self, readiness: Callable[[], Mapping[str, Any]]) -> None:
        """Say when the service is up, how it is whenever that changes, and that this loop turns; until cancelled.

        It is up once its intake process answers callers, with 503 where the disk is full: that heals by itself, and a
        unit that waits for it in vain would be killed.
        """
        if not self._address:
            return
        ready = False
        every_s = min(LOOK_S, (self._watchdog_s or LOOK_S) / WATCHDOG_SHARE)
        while True:
            said = readiness()
            if not ready and _serves(said):
                ready = True
                self._tell("READY=1")
            status = status_line(said)
            if status != self._status:
                self._status = status
                self._tell(f"STATUS={status}")
            if self._watchdog_s is not None:
                self._tell("WATCHDOG=1")
            await asyncio.sleep(every_s)

    def _tell(self, lines: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # noqa: FBT003  the standard library's own signature
            line.sendto(lines.encode(), self._address)


def _serves(readiness: Mapping[str, Any]) -> bool:
    # A worker, on a journal that several share, answers no callers: it is up once the database answers it.
    inbox = readiness.get("inbox")
    return bool(readiness["ready"] if inbox is None else "committed" in inbox)


def status_line(readiness: Mapping[str, Any]) -> str:
    """One line for ``systemctl status``: what ``/readyz`` says, without numbers, which would change all the time."""
    inbox, kafka = readiness.get("inbox"), readiness["kafka"]
    if inbox is None:
        held = [str(slot["slot"]) for slot in readiness["slots"] if slot["held_here"]]
        what = f"working on slots {', '.join(held)}" if held else "waiting for a slot"
        parts = [what if readiness["ready"] else f"the database is away: {readiness['database']['detail']}"]
    elif readiness["ready"]:
        parts = ["taking callbacks"]
    else:
        parts = [f"refusing callbacks: {inbox.get('detail') or 'starting'}"]
    if readiness["interpret"]["state"] != "up":
        parts.append("interpret is down")
    parts.append(f"Kafka {kafka['state']}" + (f": {kafka['detail']}" if kafka.get("detail") else ""))
    return "; ".join(" ".join(part.split()) for part in parts)
