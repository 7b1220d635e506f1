"""A journal in memory with a bit of everything, and a console over it, for the tests of this room."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from starlette.testclient import TestClient

from receiver.console.app import Console
from receiver.console.desk import Configuration, Desk, Service, Setting, SourceCard
from receiver.console.metrics import ConsoleMetrics
from receiver.console.rules import AccessRules
from receiver.model.callback import RawCallback
from receiver.model.masked_body import mask_body
from receiver.providers.registry import body_fields
from receiver.publish.ports import Kafka
from receiver.publish.routing import topics_of
from receiver.sandbox.fakes import FakeKafka
from tests.operate.desk import SWAPS, context_of, exchange, published
from tests.support import NOW_S, ONCHAINPAY_VECTORS, Way, onchainpay_source

WRITE_TOKEN = "a-write-token-for-tests"
READ_TOKEN = "a-read-token-for-tests"
WRITING = AccessRules(write=True, write_token=WRITE_TOKEN)
SWAP: str = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PROCESSED"]["id"]
"""The id of a swap that was heard of several times."""
UP: Mapping[str, Any] = {
    "ready": True,
    "inbox": {"state": "up", "detail": None, "disk_free_bytes": 10_737_418_240, "wal_bytes": 4096},
    "interpret": {"state": "up", "uninterpreted": 0, "detail": None},
    "kafka": {"state": "up", "backlog": 3, "detail": None, "backlog_age_s": 1.5},
    "reconcile": {"state": "up", "sources": {"swaps": {"circuit": "closed"}}},
}
FIGURES = {
    ("receiver_process_up", "intake"): 1.0,
    ("receiver_process_restarts_total", "intake"): 2.0,
    ("receiver_process_resident_memory_bytes", "intake"): 52_428_800.0,
    ("receiver_inbox_commit_seconds_bucket", "0.005"): 98.0,
    ("receiver_inbox_commit_seconds_bucket", "0.01"): 100.0,
    ("receiver_inbox_commit_seconds_bucket", "+Inf"): 100.0,
    ("receiver_polls_total", "ok,swaps"): 7.0,
    ("receiver_callbacks_total", "200,swaps"): 1200.0,
    ("receiver_callbacks_total", "200,0xpay-main"): 34.0,
    ("receiver_callbacks_total", "401,swaps"): 2.0,
}


@dataclass
class Played:
    """A simulator that only remembers."""

    started: list[tuple[str, str, float, Mapping[str, float]]] = field(default_factory=list)
    stopped: int = 0

    def sources(self) -> Mapping[str, list[str]]:
        return {"swaps": ["done", "failed"]}

    def start(self, source: str, scenario: str, rate: float, faults: Mapping[str, float]) -> None:
        self.started.append((source, scenario, rate, faults))

    def stop(self) -> None:
        self.stopped += 1

    def state(self) -> Mapping[str, Any]:
        return {
            "sends": "all scenarios to swaps",
            "sent": 4,
            "operations": 2,
            "answers": {"200": 4},
            "expected": 4,
            "held": 3,
            "missing": ["x PENDING: lost"],
        }


@dataclass
class Browser:
    """A console and a client of it, which names itself as a browser does."""

    way: Way
    desk: Desk
    console: Console
    client: TestClient

    def get(self, path: str, status: int = 200, headers: Mapping[str, str] | None = None) -> str:
        """A page, whose status is what is expected."""
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, **fields: Any) -> Any:
        """A form, sent as a browser sends it from a page of the console."""
        return self.client.post(path, data=fields, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False)

    def log_in(self, token: str = WRITE_TOKEN, name: str = "ann") -> None:
        """A session."""
        assert self.post("/login", token=token, name=name, next="/").status_code == 303

    def form_token(self, path: str) -> str:
        """What the form on a page carries."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(path))
        assert found is not None, "there is no form on it"
        return found[1]


def card(name: str, **changes: Any) -> SourceCard:
    """A source of the desk."""
    made = SourceCard(
        name=name,
        provider="onchainpay" if name == "swaps" else "0xpay",
        title="OnchainPay" if name == "swaps" else "0xpay",
        kinds=("auto_swap",) if name == "swaps" else ("crypto_exchange_withdraw",),
        silence_s=86_400,
        public_url=None,
        path=f"/webhooks/{name}",
        registration="Enter it in the account.",
        asked=name == "swaps",
        overdue_s=3600,
    )
    return replace(made, **changes)


def seeded(*, empty: bool = False) -> Way:
    """Exchanges, a swap told in steps and twice, one that is amended, four in quarantine, one refused, one given up."""
    way = Way()
    if empty:
        return way
    asyncio.run(_fill(way))
    rejects = way.journal.rejects(write=True)
    headers = ((b"content-type", b"application/json"), (b"x-api-signature", b"ab" * 32))
    rejects.add(RawCallback("swaps", NOW_S * 1_000_000, headers, b'{"id":"forged"}'), "header_missing", 10)
    watchlist = way.journal.watchlist()
    watchlist.track("swaps", SWAP, (NOW_S - 7200) * 1_000_000)
    watchlist.failed(watchlist.due("swaps", 2**62, 1)[0], "timeout", NOW_S * 1_000_000, give_up=False)
    writer = way.journal.index_writer(lambda body: mask_body(body, body_fields()))
    while writer.step():
        pass
    return way


async def _fill(way: Way) -> None:
    await way.events("0xpay-main", [exchange(f"exchange-{place}") for place in range(3)])
    for body in SWAPS.values():
        way.clock.advance(90)
        await way.events("swaps", [json.dumps(body).encode()])
    done = json.dumps(SWAPS["PROCESSED"]).encode()
    await way.events("swaps", [done, done])
    await way.events("0xpay-main", [exchange("exchange-1", comment="card 4111111111111111")])
    unknown = [exchange(f"odd-{place}", status="Wondrous") for place in range(3)]
    await way.events("0xpay-main", [*unknown, b"no json at all"])


class Compiled(BytecodeCache):
    """Templates that were compiled: a console does it for itself, and here each test has one, which asks for a page."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """As long as its source is the same."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """For the next console."""
        self._code[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


def browser(
    rules: AccessRules | None = None,
    way: Way | None = None,
    kafka: Kafka | None = None,
    base: str = "http://localhost",
    **changes: Any,
) -> Browser:
    """A console over a seeded journal."""
    way = way or seeded()
    desk = Desk(
        context=context_of(way, kafka),
        place="var/journal",
        sources=[card("0xpay-main"), card("swaps")],
        configuration=lambda: Configuration(
            "receiver.toml",
            [Setting("server.port", "8080", "default"), Setting("sources.0.name", "swaps", "file", "resolves")],
            [{"match": {"family": "exchange"}, "topic": "shop.exchanges", "also": True}],
            {"Python": "3.11"},
            ["server.host: there is no such host"],
            [],
        ),
        service=lambda: Service(UP, FIGURES),
        retired=lambda _: (),
        topic_of=lambda fields: topics_of(fields, (), "test."),
    )
    desk = replace(desk, **changes)
    console = Console(desk, rules or AccessRules(), ConsoleMetrics())
    console._renderer._environment.bytecode_cache = COMPILED
    return Browser(way, desk, console, TestClient(console.app, base_url=base, client=("127.0.0.1", 50_000)))


def with_kafka(way: Way) -> FakeKafka:
    """A cluster that has all that the journal has."""
    kafka = FakeKafka()
    asyncio.run(published(way, kafka))
    return kafka


def other_account() -> Any:
    """A source that the way of the others does not have."""
    return onchainpay_source(name="others")
