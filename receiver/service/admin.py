"""The admin listener: ``/livez``, ``/readyz``, ``/metrics``; never on the public one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from receiver.intake.http_server import HttpServer

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' exposition format."""


OFF: Mapping[str, Any] = {}
"""Of a process that is not configured."""


def readiness(
    inbox: Mapping[str, Any] | None,
    interpret: Mapping[str, Any] | None,
    kafka: Mapping[str, Any] | None,
    reconcile: Mapping[str, Any] | None = OFF,
) -> dict[str, Any]:
    """The body of ``/readyz``. The parts are the processes' own last words, None when they are silent.

    Ready means only that callbacks are taken: an interpreter or a Kafka that is away is no reason to refuse them.
    """
    asking = {} if reconcile is OFF else {"reconcile": {"state": "down" if reconcile is None else "up"}}
    inbox_part = {"state": "down", "detail": "the intake process is down"} if inbox is None else inbox
    return {
        "ready": inbox_part["state"] == "up",
        "inbox": inbox_part,
        "interpret": _interpret(inbox_part, interpret),
        "kafka": _kafka(interpret, kafka),
        **{name: {**part, **(reconcile or {})} for name, part in asking.items()},
    }


def _interpret(inbox: Mapping[str, Any], interpret: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if interpret is None:
        return {"state": "down", "uninterpreted": None, "detail": "the interpret process is down"}
    # As for Kafka's backlog: the intake process knows what it took since the other last spoke.
    unread = inbox.get("committed", 0) - interpret["interpreted"]
    return {"state": "up", **interpret, "uninterpreted": max(interpret["uninterpreted"], unread)}


def _kafka(interpret: Mapping[str, Any] | None, kafka: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if kafka is OFF:
        return {"state": "off", "backlog": 0, "detail": None}
    if kafka is None:
        return {"state": "down", "backlog": None, "detail": "the publish process is down"}
    if interpret is None:  # "up" says that records go through, and none is made
        return {**kafka, "state": "down", "detail": "the interpret process is down"}
    # What was recorded since the publish process last spoke counts too: nothing is to look drained that is not.
    return {**kafka, "backlog": max(kafka["backlog"], interpret["recorded"] - kafka["position"])}


def admin_server(
    listener: socket.socket, report: Callable[[], Mapping[str, Any]], text: Callable[[], bytes]
) -> HttpServer:
    """The admin listener's server. ``report`` gives ``readiness``, ``text`` the exposition text."""
    return HttpServer(make_admin(report, text), listener, shutdown_timeout_s=1)


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
