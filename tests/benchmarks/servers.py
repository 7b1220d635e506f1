"""What ours is measured against: a bare ASGI application, a Starlette route, and the endpoint that everybody writes.

``uvicorn tests.benchmarks.servers:bare`` and so on; the last one takes its broker and topic from the environment.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

SECRET = b"made-up-benchmark-secret"
SIGNED_URL = b"merchant.example.com/webhooks/main"
OK: list[Any] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"OK"},
]


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer 200."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    for message in OK:
        await send(message)


async def _route(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("OK")


starlette = Starlette(routes=[Route("/webhooks/main", _route, methods=["POST"])])


class Notification(BaseModel):
    """As far as such an endpoint looks."""

    id: str
    kind: str
    status: str
    merchantId: str | None = None  # noqa: N815  the provider's name


_producers: list[AIOKafkaProducer] = []
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(),
    cache_logger_on_first_use=True,
)
_log = structlog.get_logger()


@asynccontextmanager
async def _with_producer(_: Any) -> Any:
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["BENCH_BOOTSTRAP"], acks="all", enable_idempotence=True, linger_ms=0
    )
    await producer.start()
    _producers.append(producer)
    yield
    await producer.stop()


async def _straightforward(request: Request) -> Response:
    body = await request.body()
    timestamp = request.headers.get("timestamp", "")
    wanted = hmac.new(SECRET, b"POST" + SIGNED_URL + body + timestamp.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers.get("signature", "")) or abs(time.time() - int(timestamp)) > 300:
        return PlainTextResponse("no", 401)
    notification = Notification.model_validate_json(body)
    value = notification.model_dump_json().encode()
    await _producers[0].send_and_wait(os.environ["BENCH_TOPIC"], value, notification.id.encode())
    _log.info("notification", id=notification.id, kind=notification.kind, status=notification.status)
    return PlainTextResponse("OK")


straightforward = Starlette(
    routes=[Route("/webhooks/main", _straightforward, methods=["POST"])], lifespan=_with_producer
)
