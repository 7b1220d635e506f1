"""``/readyz`` is true about each part, and ready means only that callbacks are taken."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from receiver.service.admin import OFF, make_admin, readiness

UP: dict[str, Any] = {"state": "up", "detail": None}
INTERPRET: dict[str, Any] = {"uninterpreted": 0, "interpreted": 5, "recorded": 7, "detail": None}
KAFKA: dict[str, Any] = {"state": "up", "backlog": 0, "position": 7, "detail": None}


@pytest.mark.parametrize(
    ("inbox", "interpret", "kafka", "ready", "states"),
    [
        (UP, INTERPRET, KAFKA, True, ("up", "up", "up")),
        (UP, None, KAFKA, True, ("up", "down", "down")),
        (UP, None, OFF, True, ("up", "down", "off")),
        (UP, INTERPRET, None, True, ("up", "up", "down")),
        (UP, INTERPRET, OFF, True, ("up", "up", "off")),
        (None, INTERPRET, KAFKA, False, ("down", "up", "up")),
        ({"state": "down", "detail": "disk_full"}, INTERPRET, KAFKA, False, ("down", "up", "up")),
        (UP, INTERPRET, KAFKA | {"state": "stopped", "backlog": 9}, True, ("up", "up", "stopped")),
    ],
)
async def test_readiness(inbox: Any, interpret: Any, kafka: Any, states: tuple[str, ...], *, ready: bool) -> None:
    """A interpret or a Kafka that is away is no reason to turn callbacks away."""
    said = readiness(inbox, interpret, kafka)
    assert (said["inbox"]["state"], said["interpret"]["state"], said["kafka"]["state"]) == states
    app = make_admin(lambda: said, lambda: b"metrics_text 1\n")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (200 if ready else 503, ready)
        assert (await client.get("/livez")).text == "OK"
        assert (await client.get("/metrics")).text == "metrics_text 1\n"
        assert [line.split()[0] for line in (await client.get("/")).text.splitlines()] == [
            "/livez",
            "/readyz",
            "/metrics",
        ]
        assert (await client.get("/webhooks/x")).status_code == 404
        assert (await client.get("/readyz/")).status_code == 404


def test_what_is_only_starting_is_not_said_to_be_down() -> None:
    """Nobody looks for a fault that is none; the states are the same, and it is not ready."""
    said = readiness(None, None, None, starting=["intake", "interpret", "publish"])
    assert [part["state"] for part in (said["inbox"], said["interpret"], said["kafka"])] == ["down"] * 3
    details = [said[part]["detail"] for part in ("inbox", "interpret", "kafka")]
    assert details == [f"the {role} process is starting" for role in ("intake", "interpret", "publish")]
    assert readiness(UP, None, KAFKA, starting=["interpret"])["kafka"]["detail"] == "the interpret process is starting"
    assert readiness(None, None, None)["inbox"]["detail"] == "the intake process is down"


@pytest.mark.parametrize(("recorded", "position", "own", "backlog"), [(9, 7, 0, 2), (7, 9, 0, 0), (9, 7, 4, 4)])
def test_nothing_looks_drained_that_is_not(recorded: int, position: int, own: int, backlog: int) -> None:
    """The processes speak at different times: the larger of what either knows is said."""
    interpret, kafka = INTERPRET | {"recorded": recorded}, KAFKA | {"position": position, "backlog": own}
    assert readiness(UP, interpret, kafka)["kafka"]["backlog"] == backlog
    assert readiness(UP, None, kafka)["kafka"]["state"] == "down"


@pytest.mark.parametrize(
    ("committed", "interpreted", "own", "uninterpreted"), [(9, 5, 0, 4), (0, 5, 0, 0), (9, 5, 6, 6)]
)
def test_nothing_looks_interpreted_that_is_not(committed: int, interpreted: int, own: int, uninterpreted: int) -> None:
    """What was answered 200 since ``interpret`` last spoke counts; an intake that has just started knows of nothing."""
    interpret = INTERPRET | {"interpreted": interpreted, "uninterpreted": own}
    assert readiness(UP | {"committed": committed}, interpret, KAFKA)["interpret"]["uninterpreted"] == uninterpreted
    assert readiness(UP, interpret, KAFKA)["interpret"]["uninterpreted"] == own


def test_a_console_has_its_part_where_there_is_one_and_is_never_part_of_ready() -> None:
    """Nobody is kept from callbacks for want of pages."""
    assert "console" not in readiness(UP, INTERPRET, KAFKA)
    assert readiness(UP, INTERPRET, KAFKA, console={"listeners": 2})["console"] == {"state": "up", "listeners": 2}
    down = readiness(UP, INTERPRET, KAFKA, console=None)
    assert (down["ready"], down["console"]) == (True, {"state": "down"})


@pytest.mark.parametrize("console", [None, "http://127.0.0.1:8082/receiver/"])
async def test_its_first_page_names_the_console_where_there_is_one(console: str | None) -> None:
    """As a whole address, which can be clicked or copied."""
    app = make_admin(lambda: {"ready": True}, lambda: b"", console)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        lines = (await client.get("/")).text.splitlines()
    assert len(lines) == 3 + (console is not None)
    assert lines[-1].startswith(console or "/metrics")
