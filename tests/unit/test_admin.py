"""``/readyz`` is true about each part, and ready means only that callbacks are taken."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from receiver.service.admin import OFF, make_admin, readiness

UP: dict[str, Any] = {"state": "up", "detail": None}
RELAY: dict[str, Any] = {"uninterpreted": 0, "interpreted": 5, "recorded": 7, "detail": None}
KAFKA: dict[str, Any] = {"state": "up", "backlog": 0, "position": 7, "detail": None}


@pytest.mark.parametrize(
    ("inbox", "relay", "kafka", "ready", "states"),
    [
        (UP, RELAY, KAFKA, True, ("up", "up", "up")),
        (UP, None, KAFKA, True, ("up", "down", "down")),
        (UP, None, OFF, True, ("up", "down", "off")),
        (UP, RELAY, None, True, ("up", "up", "down")),
        (UP, RELAY, OFF, True, ("up", "up", "off")),
        (None, RELAY, KAFKA, False, ("down", "up", "up")),
        ({"state": "down", "detail": "disk_full"}, RELAY, KAFKA, False, ("down", "up", "up")),
        (UP, RELAY, KAFKA | {"state": "stopped", "backlog": 9}, True, ("up", "up", "stopped")),
    ],
)
async def test_readiness(inbox: Any, relay: Any, kafka: Any, states: tuple[str, ...], *, ready: bool) -> None:
    """A relay or a Kafka that is away is no reason to turn callbacks away."""
    said = readiness(inbox, relay, kafka)
    assert (said["inbox"]["state"], said["relay"]["state"], said["kafka"]["state"]) == states
    app = make_admin(lambda: said, lambda: b"metrics_text 1\n")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (200 if ready else 503, ready)
        assert (await client.get("/livez")).text == "OK"
        assert (await client.get("/metrics")).text == "metrics_text 1\n"
        assert (await client.get("/webhooks/x")).status_code == 404
        assert (await client.get("/readyz/")).status_code == 404


@pytest.mark.parametrize(("recorded", "position", "own", "backlog"), [(9, 7, 0, 2), (7, 9, 0, 0), (9, 7, 4, 4)])
def test_nothing_looks_drained_that_is_not(recorded: int, position: int, own: int, backlog: int) -> None:
    """The processes speak at different times: the larger of what either knows is said."""
    relay, kafka = RELAY | {"recorded": recorded}, KAFKA | {"position": position, "backlog": own}
    assert readiness(UP, relay, kafka)["kafka"]["backlog"] == backlog
    assert readiness(UP, None, kafka)["kafka"]["state"] == "down"


@pytest.mark.parametrize(
    ("committed", "interpreted", "own", "uninterpreted"), [(9, 5, 0, 4), (0, 5, 0, 0), (9, 5, 6, 6)]
)
def test_nothing_looks_interpreted_that_is_not(committed: int, interpreted: int, own: int, uninterpreted: int) -> None:
    """What was answered 200 since the relay last spoke counts; a web process that has just started knows of nothing."""
    relay = RELAY | {"interpreted": interpreted, "uninterpreted": own}
    assert readiness(UP | {"committed": committed}, relay, KAFKA)["relay"]["uninterpreted"] == uninterpreted
    assert readiness(UP, relay, KAFKA)["relay"]["uninterpreted"] == own
