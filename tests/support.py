"""The way of a callback in memory: HTTP in, outbox records out, with the shipped fakes for everything outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from receiver.intake.metrics import IntakeMetrics
from receiver.intake.rates import Rates
from receiver.intake.repeats import Repeats
from receiver.intake.webhook import Intake, make_app
from receiver.interpret.entry import Rules
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.entries import Stores
from receiver.journal.memory.journal import MemoryJournal
from receiver.model.callback import RawCallback
from receiver.providers.calls import Access, Answer
from receiver.providers.contract import Provider, Source
from receiver.providers.cryptoexchange.settings import OrderPoll
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox.fakes import FakeClock

FOLDERS = Path(__file__).parent / "providers"
OXPAY_VECTORS: dict[str, Any] = orjson.loads((FOLDERS / "zeroxpay/vectors.json").read_bytes())
CALYPSO_VECTORS: dict[str, Any] = orjson.loads((FOLDERS / "calypso/vectors.json").read_bytes())
ONCHAINPAY_VECTORS: dict[str, Any] = orjson.loads((FOLDERS / "onchainpay/vectors.json").read_bytes())

ACCOUNT: str = OXPAY_VECTORS["constants"]["merchantId"]
OXPAY_KEY: str = OXPAY_VECTORS["constants"]["key"]
NOW_S = int(OXPAY_VECTORS["constants"]["timestamp"])
PUBLIC_URL: str = OXPAY_VECTORS["constants"]["notificationsUrl"]


@dataclass
class Lines:
    """A logger that keeps what it is told."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, /, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, /, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, /, **fields: object) -> None:
        self.lines.append(("error", event, fields))

    def exception(self, event: str, /, **fields: object) -> None:
        self.lines.append(("exception", event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of all lines of one name."""
        return [fields for _, name, fields in self.lines if name == event]


@dataclass
class Rejects:
    """Keeps every refused callback."""

    kept: list[tuple[RawCallback, str]] = field(default_factory=list)

    def wants(self, source: str, why: str) -> bool:
        return True

    def keep(self, raw: RawCallback, why: str) -> None:
        self.kept.append((raw, why))


def oxpay_source(public_url: str = PUBLIC_URL, *, signed_url: str = "host_and_path", **changes: Any) -> Source:
    """A 0xpay source with the vectors' key."""
    fields: dict[str, Any] = {"name": "0xpay-main", "provider": "0xpay", "account": ACCOUNT}
    fields |= {"signed_urls": zeroxpay.signed_urls(public_url, signed_url), "secrets": (OXPAY_KEY.encode(),)}
    return Source(**(fields | changes))


def onchainpay_source(**changes: Any) -> Source:
    """An OnchainPay source with both key pairs of the vectors."""
    pairs: Mapping[str, Any] = ONCHAINPAY_VECTORS["keys"]
    keys = {pair["public"].encode(): (pair["secret"].encode(),) for pair in pairs.values()}
    return Source(**({"name": "swaps", "provider": "onchainpay", "account": None, "keys": keys} | changes))


def calypso_source(**changes: Any) -> Source:
    """A Calypso source with the vectors' subscription key."""
    pair = CALYPSO_VECTORS["keys"]["webhook-synthetic"]
    keys = {pair["public"].encode(): (pair["secret"].encode(),)}
    account = "0x52908400098527886E0F7030069857D2E4169EE7"
    return Source(**({"name": "calypso", "provider": "calypso", "account": account, "keys": keys} | changes))


def order_source() -> Source:
    """A CryptoExchange source whose API is described: all of it invented."""
    fields = {
        "id": "uuid",
        "status": "state.word",
        "spent_amount": "fiat",
        "payout_currency": "asset",
        "payout_destination": "to",
        "transaction_hash": "hash",
        "message": "note",
        "created_at": "at",
        "orders": "data",
    }
    statuses: dict[str, Any] = {"busy": "sending", "new": "pending", "paid out": "completed", "seen": "pending"}
    poll = OrderPoll(
        base_url="https://orders.example.com/v9",
        secret="env:ORDER_TOKEN",
        order_path="/orders/{id}",
        auth_header="X-Token",
        fields=fields,
        statuses=statuses | {"broken": "failed"},
        list_path="/customers/{customer}/orders",
        customers=["c 1"],
    )
    access = Access(poll.base_url, None, secret=b"made-up-order-token", settings=poll)
    return Source("orders", "cryptoexchange", None, access=access)


class Way:
    """Webhook, inbox, interpreter and outbox, wired as in production but in memory."""

    def __init__(
        self,
        *sources: tuple[Provider, Source],
        body_bytes_max: int = 262_144,
        record_bytes_max: int = 1_000_000,
        remembered_max: int = 0,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        """``remembered_max`` contents are not stored again: none, since most tests are about what becomes of them."""
        chosen = sources or ((zeroxpay.PROVIDER, oxpay_source()), (onchainpay.PROVIDER, onchainpay_source()))
        by_name = {source.name: (provider, source) for provider, source in chosen}
        self.clock = FakeClock(us=NOW_S * 1_000_000)
        self.journal, self.log = MemoryJournal(), Lines()
        self.inbox, self.outbox, self.requests = self.journal.inbox(), self.journal.outbox(), self.journal.requests()
        self.stores = Stores(self.inbox, self.requests, self.outbox)
        self.woken = 0
        self.rejects = Rejects()
        self.intake = Intake(
            sources=by_name,
            inbox=self.inbox,
            clock=self.clock,
            body_bytes_max=body_bytes_max,
            log=self.log,
            metrics=IntakeMetrics(),
            on_committed=self._wake,
            rejects=self.rejects,
            repeats=Repeats(remembered_max),
            rates=Rates(rates or {}, self.clock),
        )
        self.app = make_app(self.intake)
        self.metrics = InterpretMetrics()
        self.rules = Rules(sources=by_name, record_bytes_max=record_bytes_max, publish_body=False, log=self.log)
        self.interpreter = Interpreter(stores=self.stores, rules=self.rules, metrics=self.metrics)

    def _wake(self) -> None:
        self.woken += 1

    async def request(self, method: str, path: str, headers: Any = (), content: Any = b"") -> httpx.Response:
        """One request to the application, without a server."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            return await client.request(method, path, headers=headers, content=content)

    async def post(self, source: str, body: bytes, headers: Any) -> httpx.Response:
        """One callback."""
        return await self.request("POST", f"/webhooks/{source}", headers, body)

    async def deliver(self, source: str, body: bytes) -> httpx.Response:
        """One callback, signed as its provider does at this moment."""
        provider, found = self.intake.sources[source]
        return await self.post(source, body, list(provider.sign(body, found, self.clock.us // 1_000_000)))

    def interpret(self) -> list[dict[str, Any]]:
        """Interpret all that is in the inbox; the outbox's records since the last time, as JSON."""
        before = self.outbox.last_number()
        while self.interpreter.step():
            pass
        return [orjson.loads(record.value) for record in self.outbox.records if record.number > before]

    async def events(self, source: str, bodies: Iterable[bytes]) -> list[dict[str, Any]]:
        """Deliver all bodies, each answered 200, and give what became of them."""
        for body in bodies:
            answer = await self.deliver(source, body)
            assert (answer.status_code, answer.text) == (200, "OK")
        return self.interpret()


def ok(document: Any) -> Answer:
    """An answer of HTTP 200."""
    return Answer(200, document if isinstance(document, bytes) else json.dumps(document).encode())


def polled(way: Way, source: str, document: Any) -> dict[str, Any]:
    """What becomes of one answer."""
    body = document if isinstance(document, str) else json.dumps(document)
    way.requests.add("poll", NOW_S * 1_000_000, {"source": source, "body": body, "after": way.inbox.last_number()})
    (said,) = way.interpret()
    return said
