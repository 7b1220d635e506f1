"""A whole service with its console: a process like the others, that nobody waits for."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.ports import free_port

SWAP = {"id": "swap-in-the-console", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, int]]:
    """One that runs, without Kafka, and its console's port."""
    folder: Path = tmp_path_factory.mktemp("console") / "service"
    with Service(folder, forks=True) as made:
        port = free_port()
        text = made.config.read_text()
        table = f"[console]\nenabled = true\nport = {port}\n\n[[sources]]"
        made.config.write_text(text.replace("[[sources]]", table, 1))
        made.start()
        made.wait_ready()
        yield made, port


def page(port: int, path: str) -> str:
    """One page of the console; empty where it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_what_is_taken_is_found_and_a_console_that_is_killed_is_back(service: tuple[Service, int]) -> None:
    """By the index that it makes; callbacks are taken all the while."""
    running, port = service
    assert running.post_swap(SWAP) == 200
    until(lambda: "swap-in-the-console" in page(port, "/search?q=swap-in-the-console"))
    until(lambda: "indexed to 1 of 1" in page(port, "/search"))
    assert "Taking callbacks." in page(port, "/")
    assert running.kill("console")
    assert running.post_swap(SWAP | {"status": "PENDING"}) == 200
    until(lambda: "Taking callbacks." in page(port, "/"))
    until(lambda: (running.readyz() or {}).get("console", {}).get("state") == "up")
    assert running.metric("receiver_process_restarts_total") == 1


def test_an_address_that_is_taken_is_named_with_its_key(service: tuple[Service, int], tmp_path: Path) -> None:
    """And nothing of a second service runs."""
    _, port = service
    with Service(tmp_path / "second", forks=True) as second:
        text = second.config.read_text()
        table = f"[console]\nenabled = true\nport = {port}\n\n[[sources]]"
        second.config.write_text(text.replace("[[sources]]", table, 1))
        done = second.receiver("serve")
        assert done.returncode == 1
        assert "console.host and .port" in done.stderr
        assert "Traceback" not in done.stderr
