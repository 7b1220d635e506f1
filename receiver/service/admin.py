"""The admin listener: ``/livez``, ``/readyz``, ``/metrics``; never on the public one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from receiver.intake.http_server import HttpServer

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' exposition format."""


PATHS = {
    "/livez": "whether it runs at all",
    "/readyz": "whether callbacks are taken, and how each part is, as JSON",
    "/metrics": "figures for Prometheus",
}
"""What ``/`` lists."""
OFF: Mapping[str, Any] = {}
"""Of a process that is not configured."""


def readiness(  # noqa: PLR0913  a part each
    inbox: Mapping[str, Any] | None,
    interpret: Mapping[str, Any] | None,
    kafka: Mapping[str, Any] | None,
    reconcile: Mapping[str, Any] | None = OFF,
    starting: Collection[str] = (),
    *,
    console: Mapping[str, Any] | None = OFF,
) -> dict[str, Any]:
    """The body of ``/readyz``. The parts are the processes' own last words, None when they are silent.

    ``starting``: roles of processes that run and have said nothing yet.

    Ready means only that callbacks are taken: an interpreter or a Kafka that is away is no reason to refuse them.
    """
    inbox_part = {"state": "down", "detail": _silent("intake", starting)} if inbox is None else inbox
    return {
        "ready": inbox_part["state"] == "up",
        "inbox": inbox_part,
        "interpret": _interpret(inbox_part, interpret, starting),
        "kafka": _kafka(interpret, kafka, starting),
        **beside({"reconcile": reconcile, "console": console}),
    }


def beside(parts: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """The parts of those processes that are configured, of which ready says nothing."""
    return {
        name: {"state": "down" if said is None else "up", **(said or {})}
        for name, said in parts.items()
        if said is not OFF
    }


def _silent(role: str, starting: Collection[str]) -> str:
    return f"the {role} process is {'starting' if role in starting else 'down'}"


def _interpret(
    inbox: Mapping[str, Any], interpret: Mapping[str, Any] | None, starting: Collection[str]
) -> Mapping[str, Any]:
    if interpret is None:
        return {"state": "down", "uninterpreted": None, "detail": _silent("interpret", starting)}
    # As for Kafka's backlog: the intake process knows what it took since the other last spoke.
    unread = inbox.get("committed", 0) - interpret["interpreted"]
    return {"state": "up", **interpret, "uninterpreted": max(interpret["uninterpreted"], unread)}


def _kafka(
    interpret: Mapping[str, Any] | None, kafka: Mapping[str, Any] | None, starting: Collection[str]
) -> Mapping[str, Any]:
    if kafka is OFF:
        return {"state": "off", "backlog": 0, "detail": None}
    if kafka is None:
        return {"state": "down", "backlog": None, "detail": _silent("publish", starting)}
    if interpret is None:  # "up" says that records go through, and none is made
        return {**kafka, "state": "down", "detail": _silent("interpret", starting)}
    # What was recorded since the publish process last spoke counts too: nothing is to look drained that is not.
    return {**kafka, "backlog": max(kafka["backlog"], interpret["recorded"] - kafka["position"])}


def admin_server(
    listener: socket.socket,
    report: Callable[[], Mapping[str, Any]],
    text: Callable[[], bytes],
    console: str | None = None,
) -> HttpServer:
    """The admin listener's server. ``report`` gives ``readiness``, ``text`` the exposition text.

    ``console`` is the console's URL, None where there is none.
    """
    return HttpServer(make_admin(report, text, console), listener, shutdown_timeout_s=1)


def make_admin(
    report: Callable[[], Mapping[str, Any]], metrics: Callable[[], bytes], console: str | None = None
) -> ASGIApp:
    """The admin application. ``report`` gives ``readiness``, ``metrics`` the exposition text.

    ``console`` is the console's URL, None where there is none.
    """
    listed = PATHS if console is None else {**PATHS, console: "the console: all of it in a browser"}

    async def livez(_: Request) -> Response:
        return Response(b"OK", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        body = report()
        return Response(orjson.dumps(body), 200 if body["ready"] else 503, media_type="application/json")

    async def metricsz(_: Request) -> Response:
        return Response(metrics(), headers={"content-type": TEXT_FORMAT})

    async def paths(_: Request) -> Response:
        return Response("".join(f"{path}  {what}\n" for path, what in listed.items()), media_type="text/plain")

    routes = [Route("/", paths), Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metricsz)]
    return Router(routes, redirect_slashes=False)
