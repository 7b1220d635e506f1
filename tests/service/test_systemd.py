"""What systemd hears, over a real socket of its kind."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.service import systemd
from receiver.service.admin import readiness
from receiver.service.systemd import Systemd, status_line

INBOX: dict[str, Any] = {"state": "up", "committed": 0, "detail": None}
INTERPRET: dict[str, Any] = {"uninterpreted": 0, "interpreted": 0, "recorded": 0, "detail": None}
KAFKA: dict[str, Any] = {"state": "up", "backlog": 0, "position": 0, "detail": None}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Stand for systemd: the socket that it listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    """Give every message that has come."""
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


async def messages(manager: socket.socket, count: int) -> list[str]:
    """Wait for so many messages, and give them with what comes in the next moment."""
    found: list[str] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            await asyncio.sleep(0.01)
            found += heard(manager)
    await asyncio.sleep(0.05)
    return found + heard(manager)


async def test_ready_is_said_once_and_how_it_is_on_every_change(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the intake process has spoken, and also where the disk is full at that moment: it heals by itself."""
    monkeypatch.setattr(systemd, "LOOK_S", 0.001)
    said = [readiness(None, None, None)]
    told = Systemd.of({"NOTIFY_SOCKET": manager.getsockname()})
    watching = asyncio.create_task(told.watch(lambda: said[0]))
    try:
        await asyncio.sleep(0.05)
        assert not [message for message in heard(manager) if "READY" in message]
        said[0] = readiness(INBOX | {"state": "down", "detail": "disk_full"}, INTERPRET, KAFKA)
        assert await messages(manager, 2) == ["READY=1", "STATUS=refusing callbacks: disk_full; Kafka up"]
        said[0] = readiness(INBOX, INTERPRET, KAFKA)
        assert await messages(manager, 1) == ["STATUS=taking callbacks; Kafka up"]
    finally:
        watching.cancel()


async def test_signs_of_life_come_in_time(manager: socket.socket) -> None:
    """Several within the time that systemd gives, from the loop itself: one that stands still gives none."""
    told = Systemd.of(
        {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid())}
    )
    watching = asyncio.create_task(told.watch(lambda: readiness(INBOX, INTERPRET, KAFKA)))
    signs = 0
    async with asyncio.timeout(30):
        while signs < 3:
            await asyncio.sleep(0.01)
            signs += heard(manager).count("WATCHDOG=1")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    heard(manager)
    await asyncio.sleep(0.05)
    assert heard(manager) == []


@pytest.mark.parametrize(
    ("environ", "watched"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "5000000"}, True),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
    ],
)
async def test_signs_of_life_are_given_where_they_are_asked_of_this_process(
    manager: socket.socket, environ: dict[str, str], *, watched: bool
) -> None:
    """The variable may be a parent's."""
    told = Systemd.of({"NOTIFY_SOCKET": manager.getsockname(), **environ})
    watching = asyncio.create_task(told.watch(lambda: readiness(INBOX, INTERPRET, KAFKA)))
    said = await messages(manager, 2 + watched)
    watching.cancel()
    assert ("WATCHDOG=1" in said) == watched


def test_what_is_for_this_process_is_not_handed_on(manager: socket.socket) -> None:
    """A child that spoke in our place would be taken for us, or refused."""
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2", "HOME": "/"}
    told = Systemd.of(environ)
    assert environ == {"HOME": "/"}
    told.reloading()
    told.reloaded()
    told.stopping()
    first, *rest = heard(manager)
    assert first.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert first.rpartition("=")[2].isdecimal()
    assert rest == ["READY=1", "STOPPING=1"]


async def test_outside_of_systemd_nothing_is_said(tmp_path: Path) -> None:
    """And a manager that has gone, or an address that is none, fails nothing."""
    for address in ("", str(tmp_path / "gone"), "@receiver-tests-nobody", "x" * 300):
        told = Systemd.of({"NOTIFY_SOCKET": address})
        told.reloading()
        told.stopping()
        async with asyncio.timeout(60):
            if not address:
                await told.watch(dict)
                continue
            watching = asyncio.create_task(told.watch(lambda: readiness(INBOX, INTERPRET, KAFKA)))
            await asyncio.sleep(0.01)
            assert not watching.done()
            watching.cancel()


def test_an_abstract_socket_is_one() -> None:
    """Its name begins with a zero byte, which the environment cannot hold."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0receiver-tests-{os.getpid()}")
        Systemd.of({"NOTIFY_SOCKET": f"@receiver-tests-{os.getpid()}"}).stopping()
        assert listening.recv(4096) == b"STOPPING=1"


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ((None, None, None), "refusing callbacks: the intake process is down; interpret is down; Kafka down: …"),
        (
            (INBOX, INTERPRET, KAFKA | {"state": "down", "detail": "no\nbroker"}),
            "taking callbacks; Kafka down: no broker",
        ),
        ((INBOX, None, KAFKA), "taking callbacks; interpret is down; Kafka down: the interpret process is down"),
    ],
)
def test_how_it_is_is_one_line(parts: tuple[Any, Any, Any], line: str) -> None:
    """A line break would be another message."""
    assert status_line(readiness(*parts)).startswith(line.rstrip("…"))
