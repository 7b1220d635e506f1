"""The admin listener: ``/livez``, ``/readyz``, ``/metrics``; never on the public one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' exposition format."""


OFF: Mapping[str, Any] = {}
"""Of a process that is not configured."""


def readiness(
    inbox: Mapping[str, Any] | None,
    relay: Mapping[str, Any] | None,
    reconcile: Mapping[str, Any] | None = OFF,
    *,
    kafka: bool,
) -> dict[str, Any]:
    """The body of ``/readyz``. The parts are the processes' own last words, None when they are silent.

    Ready means only that callbacks are taken: a relay or a Kafka that is away is no reason to turn callbacks away.
    """
    inbox_part = dict(inbox) if inbox is not None else {"state": "down", "detail": "the web process is down"}
    relay_part = dict(relay) if relay is not None else {"detail": "the relay process is down"}
    silent = {"state": "down" if kafka else "off", "backlog": None, "detail": "the relay process is down"}
    kafka_part = relay_part.pop("kafka", silent)
    asking = {} if reconcile is OFF else {"reconcile": {"state": "down" if reconcile is None else "up"}}
    return {
        "ready": inbox_part["state"] == "up",
        "inbox": inbox_part,
        "relay": {"state": "up" if relay is not None else "down", "uninterpreted": None, **relay_part},
        "kafka": kafka_part,
        **{name: {**part, **(reconcile or {})} for name, part in asking.items()},
    }


def make_admin(report: Callable[[], Mapping[str, Any]], metrics: Callable[[], bytes]) -> ASGIApp:
    """The admin application. ``report`` gives ``readiness``, ``metrics`` the exposition text."""

    async def livez(_: Request) -> Response:
        return Response(b"OK", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        body = report()
        return Response(orjson.dumps(body), 200 if body["ready"] else 503, media_type="application/json")

    async def metricsz(_: Request) -> Response:
        return Response(metrics(), headers={"content-type": TEXT_FORMAT})

    return Router(
        [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metricsz)], redirect_slashes=False
    )
