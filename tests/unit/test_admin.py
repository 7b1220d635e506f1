"""``/readyz`` is true about each part, and ready means only that callbacks are taken."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from receiver.admin import make_admin, readiness

UP: dict[str, Any] = {"state": "up", "detail": None}
RELAY: dict[str, Any] = {"uninterpreted": 0, "kafka": {"state": "up", "backlog": 0, "detail": None}}


@pytest.mark.parametrize(
    ("inbox", "relay", "kafka", "ready", "states"),
    [
        (UP, RELAY, True, True, ("up", "up", "up")),
        (UP, None, True, True, ("up", "down", "down")),
        (UP, None, False, True, ("up", "down", "off")),
        (None, RELAY, True, False, ("down", "up", "up")),
        ({"state": "down", "detail": "disk_full"}, RELAY, True, False, ("down", "up", "up")),
        (UP, RELAY | {"kafka": {"state": "stopped", "backlog": 9, "detail": "x"}}, True, True, ("up", "up", "stopped")),
    ],
)
async def test_readiness(inbox: Any, relay: Any, states: tuple[str, ...], *, kafka: bool, ready: bool) -> None:
    """A relay or a Kafka that is away is no reason to turn callbacks away."""
    said = readiness(inbox, relay, kafka=kafka)
    assert (said["inbox"]["state"], said["relay"]["state"], said["kafka"]["state"]) == states
    app = make_admin(lambda: said, lambda: b"metrics_text 1\n")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (200 if ready else 503, ready)
        assert (await client.get("/livez")).text == "OK"
        assert (await client.get("/metrics")).text == "metrics_text 1\n"
        assert (await client.get("/webhooks/x")).status_code == 404
        assert (await client.get("/readyz/")).status_code == 404
