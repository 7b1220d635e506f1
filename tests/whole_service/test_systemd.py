"""A service under a manager of ``Type=notify``: what it says from its start to its end, and what health says of it."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.chaos.service import Service, until


def test_a_manager_hears_of_start_reload_and_stop(service: Service, tmp_path: Path) -> None:
    """Ready when callers are answered; signs of life meanwhile; the children say nothing of their own."""
    messages: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)

        def heard(what: str) -> bool:
            while True:
                try:
                    messages.append(manager.recv(4096).decode())
                except BlockingIOError:
                    return any(message.startswith(what) for message in messages)

        service.environ |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        assert service.receiver("health", "--live").returncode == 1
        service.start()
        until(lambda: heard("READY=1"))
        until(lambda: heard("STATUS=taking callbacks; Kafka off"))
        assert service.receiver("health").stdout == "ready\n"
        assert service.receiver("health", "--live").stdout == "alive\n"
        until(lambda: heard("WATCHDOG=1"))
        assert messages.count("READY=1") == 1
        service.kill("supervisor", signal.SIGHUP)
        until(lambda: heard("RELOADING=1\nMONOTONIC_USEC="))
        until(lambda: heard("READY=1") and messages.count("READY=1") == 2)
        assert service.stop() == 0
        assert heard("STOPPING=1")
        assert messages.count("STOPPING=1") == 1
        assert service.receiver("health").returncode == 1
