"""The three APIs that reconcile asks, as their contracts say, over real HTTP on loopback.

Calypso's and OnchainPay's check key, signature, timestamp and nonce as documented; CryptoExchange's is invented, since
nothing is documented of it. What goes wrong with an API can be asked for: errors, nonsense, limits, silence, pages that
shift while they are read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from receiver.intake.http_server import HttpServer
from receiver.service.listen import listen
from tests.chaos import traffic

CALYPSO_KEY, CALYPSO_SECRET = "fake-api-public", "fake-api-secret-0f"
ONCHAIN_KEY, ONCHAIN_SECRET = traffic.ONCHAIN_PUBLIC, traffic.ONCHAIN_SECRET
ORDER_HEADER, ORDER_SECRET = "X-Invented-Token", "fake-order-token"
ACCOUNT = "0x52908400098527886E0F7030069857D2E4169EE7"
TIMESTAMP_MS_MAX = 3 * 60 * 1000


@dataclass
class FakeProvider:
    """All three, and what they hold. Exchanges and orders are raw JSON text, so that every digit is ours."""

    exchanges: dict[str, str] = field(default_factory=dict)
    """Calypso: id → JSON text, in order of creation."""
    swaps: dict[str, Any] = field(default_factory=dict)
    """OnchainPay: id → what ``response`` holds."""
    orders: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """(path, parsed body) of each call that was let in."""
    refused: list[str] = field(default_factory=list)
    """Why calls were not let in."""
    answers: list[Response | float] = field(default_factory=list)
    """Instead of the next answers, one each: a response, or seconds of silence."""
    on_page: Callable[[int], None] | None = None
    """Called with its number after a page was made: it can change what the next one holds."""
    nonces: list[int] = field(default_factory=list)
    now_s: Callable[[], float] = time.time
    """Its own clock."""
    url: str = ""

    async def instead(self) -> Response | None:
        """What is to be answered instead."""
        if not self.answers:
            return None
        said = self.answers.pop(0)
        if isinstance(said, Response):
            return said
        await asyncio.sleep(said)
        return Response(b"too late")

    async def calypso(self, request: Request) -> Response:
        """``exchange/get`` and ``exchange/filter``."""
        raw = await request.body()
        if (said := await self.instead()) is not None:
            return said
        body = json.loads(raw)
        expected = hmac.new(CALYPSO_SECRET.encode(), raw, hashlib.sha512).hexdigest()
        faults = {
            "002": request.headers.get("key") != CALYPSO_KEY,
            "003": not hmac.compare_digest(request.headers.get("sign", "").lower(), expected),
            "011": abs(body["timestamp"] - self.now_s() * 1000) > TIMESTAMP_MS_MAX,
            "001": body["account"] != ACCOUNT,
        }
        for code, holds in faults.items():
            if holds:
                return self._refuse(code, "No")
        name = request.path_params["call"]
        self.asked.append((name, body["payload"]))
        if name == "get":
            found = self.exchanges.get(str(body["payload"]["id"]))
            return _json(found) if found else self._refuse("004", "Requested object is not found")
        return self._filter(body["payload"])

    def _filter(self, wanted: dict[str, Any]) -> Response:
        period = wanted.get("createdDate", {}).get("period")
        chosen = []
        for text in self.exchanges.values():
            one = json.loads(text)
            created = one["createdDate"]
            inside = period is None or period["firstDate"] <= created <= period["secondDate"]
            if one["state"] in wanted["state"] and inside:
                chosen.append(text)
        size, number = wanted["pageSize"], wanted["pageNumber"]
        pages = max(1, -(-len(chosen) // size))
        page = ",".join(chosen[(number - 1) * size : number * size])
        answer = f'{{"result":[{page}],"page":{number},"size":{size},"total":{pages},"totalElements":{len(chosen)}}}'
        if self.on_page is not None:
            self.on_page(number)
        return _json(answer)

    async def onchainpay(self, request: Request) -> Response:
        """``auto-swaps/get``; its HTTP status is always 200, as the SDKs ignore it."""
        raw = await request.body()
        if (said := await self.instead()) is not None:
            return said
        expected = hmac.new(ONCHAIN_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        right_key = request.headers.get("x-api-public-key") == ONCHAIN_KEY
        if not right_key or not hmac.compare_digest(request.headers.get("x-api-signature", ""), expected):
            return self._deny("INVALID_SIGNATURE")
        body = json.loads(raw)
        if self.nonces and body["nonce"] <= self.nonces[-1]:
            return self._deny("INVALID_NONCE")
        self.nonces.append(body["nonce"])
        self.asked.append(("auto-swaps/get", body))
        if body["id"] not in self.swaps:
            return self._deny("NOT_FOUND")
        return _json(json.dumps({"success": True, "response": self.swaps[body["id"]]}))

    async def order(self, request: Request) -> Response:
        """One order, or a customer's: invented."""
        if (said := await self.instead()) is not None:
            return said
        if request.headers.get(ORDER_HEADER) != ORDER_SECRET:
            self.refused.append("token")
            return Response(b"{}", 401)
        identity, customer = request.path_params.get("id"), request.path_params.get("customer")
        self.asked.append(("order" if identity else "list", identity or customer))
        if identity is None:
            rows = [{"uuid": key} for key, order in self.orders.items() if order.get("customer") == customer]
            return _json(json.dumps({"data": {"orders": rows}}))
        return _json(json.dumps(self.orders[identity])) if identity in self.orders else Response(b"{}", 404)

    def _refuse(self, code: str, message: str) -> Response:
        self.refused.append(code)
        return _json(json.dumps({"traceId": "6f1c", "errorCode": code, "message": message}), 400)

    def _deny(self, name: str) -> Response:
        self.refused.append(name)
        error = {"code": 1, "name": name, "message": "..."}
        return _json(json.dumps({"success": False, "error": error, "requestId": "r"}))

    @contextmanager
    def running(self) -> Iterator[FakeProvider]:
        """Serve on a free port of loopback, on a thread of its own."""
        listener = listen("127.0.0.1", 0, "fake")
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        routes = [
            Route("/api/v1/exchange/{call}", self.calypso, methods=["POST"]),
            Route("/api-gateway/auto-swaps/get", self.onchainpay, methods=["POST"]),
            Route("/orders/{id}", self.order),
            Route("/customers/{customer}/orders", self.order),
        ]
        server = HttpServer(Router(routes), listener, shutdown_timeout_s=1)
        thread = threading.Thread(target=lambda: asyncio.run(server.run_until_stopped()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.stop()
            thread.join(10)
            listener.close()


def _json(text: str, status: int = 200) -> Response:
    return Response(text.encode(), status, media_type="application/json")


def exchange(identity: int, state: str = "IN_PROGRESS", *, created: str | None = None, **more: str) -> str:
    """A Calypso exchange as its API gives it; ``more`` are raw JSON values."""
    created = created or time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    fields = {
        "id": str(identity),
        "account": f'"{ACCOUNT}"',
        "sourceCurrency": '"ETH"',
        "sourceAmount": "1.4",
        "destinationCurrency": '"USDT"',
        "createdDate": f'"{created}"',
        "state": f'"{state}"',
    } | more
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def swap(identity: str, status: str, **more: Any) -> dict[str, Any]:
    """An auto-swap as its API gives it."""
    return {
        "id": identity,
        "organizationId": traffic.ORGANISATION,
        "status": status,
        "currencyFrom": "USDT",
        "networkFrom": "bsc",
        "amountFrom": "1000",
        "createdAt": "2025-06-09T13:18:29.413Z",
        "updatedAt": "2025-06-09T13:21:02.118Z",
    } | more
