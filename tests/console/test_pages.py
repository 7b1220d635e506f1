"""Every page on a journal with a bit of everything, on an empty one, and with what strangers may write."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from urllib.parse import quote, unquote

import pytest

from receiver.console.pages.operation import amounts, folded
from receiver.console.pages.routes import PAGES
from receiver.journal.memory.search import MemorySearch
from receiver.model.errors import ConfigurationError, KafkaUnavailable
from receiver.model.operation import operation_key
from receiver.model.times import from_us
from receiver.providers.contract import Sources
from receiver.publish.ports import Message, Places
from receiver.sandbox.fakes import FakeKafka
from tests.console.seeded import SWAP, Browser, Played, browser, seeded, with_kafka
from tests.operate.desk import SWAPS, exchange
from tests.support import ACCOUNT, NOW_S, Way

FULL, EMPTY = seeded(), seeded(empty=True)
pytestmark = pytest.mark.xdist_group("console_pages")
"""One worker has all of them, which follows each link once."""
ADDRESSES = (
    "/", "/callbacks", "/callbacks?became=duplicate&source=swaps",
    "/search", "/search?q=exchange-1", "/search?source=swaps&before=99&effective=yes", "/live", "/quarantine",
    "/quarantine?state=all", "/quarantine/group?reason=unknown_status&state=open", "/rejects", "/rejects/1", "/replay",
    "/replay?dry=1", "/replay?reprocess=1", "/reconcile", "/reconcile?show=overdue", "/config", "/config?show=all",
    "/config?family=exchange", "/callback/1", "/record/1", "/simulator", "/login", f"/operation/{SWAP}",
)  # fmt: skip
"""Every page, some in several forms."""


class Links(HTMLParser):
    """What a page links to, and whether its tags are even and hold nothing that a policy forbids."""

    VOID = frozenset({"meta", "link", "input", "br", "path", "polyline", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {name for name in given if name.startswith("on") or name == "style"}, (tag, attrs)
        assert tag != "style"
        assert tag != "script" or given.get("src")
        self.links += [value for name, value in attrs if name in {"href", "src", "action", "formaction"} and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def full() -> Browser:
    """A console over the journal that nobody changes."""
    return browser(way=FULL, simulator=Played())


def test_every_page_is_among_these() -> None:
    """A new page is tried here, or this fails."""
    tried = {re.sub(r"\?.*", "", address) for address in ADDRESSES}
    missing = [
        path for path in PAGES if not any(re.fullmatch(re.sub(r"\{[^}]*\}", ".+", path), address) for address in tried)
    ]
    assert missing == ["/event/{event_id}", "/request/{number}"]  # the one only leads on, the other needs a request


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_whole_and_leads_nowhere_that_is_not_there(address: str) -> None:
    """No link is dead, none leads to another host, and there is no inline script or style."""
    answer = full().client.get(address)
    assert answer.status_code == 200, answer.text
    for link in dict.fromkeys(Links(answer.text).links):
        assert link.startswith(("/", "#")), link
        if link.startswith("/") and link != "/logout":
            found = status_of(link.partition("#")[0])
            assert found in {200, 405}, f"{address} links to {link}: {found}"


@cache
def status_of(path: str) -> int:
    """How a page is answered of the journal that nobody changes; most are linked to from all others."""
    return full().client.get(path).status_code


@pytest.mark.parametrize("address", [one for one in ADDRESSES if not re.search(r"/\d|operation|q=", one)])
def test_an_empty_journal_says_why_there_is_nothing(address: str) -> None:
    """And no page of it fails."""
    shown = browser(way=EMPTY, service=lambda: None, simulator=Played())
    text = shown.get(address)
    if not re.search(r"config|login|simulator", address):
        assert 'class="empty"' in text


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e\x1b[31m"


def hostile_way() -> Way:
    """A journal whose every text field is what an attacker would write, genuinely signed."""
    way = Way()
    texts = {"id": f"id-{HOSTILE}"[:100], "merchantReference": HOSTILE, "comment": HOSTILE, "status": HOSTILE}
    swap = SWAPS["PROCESSED"] | {name: HOSTILE for name, value in SWAPS["PROCESSED"].items() if isinstance(value, str)}

    async def fill() -> None:
        await way.events("0xpay-main", [exchange(f"id-{HOSTILE}"[:100]), json.dumps(texts).encode(), HOSTILE.encode()])
        await way.events("0xpay-main", [exchange("x", **{HOSTILE: HOSTILE}), exchange("y", status=HOSTILE)])
        await way.events("swaps", [json.dumps(swap | {"id": SWAP}).encode()])

    asyncio.run(fill())
    return way


def test_what_strangers_write_is_text_in_every_page() -> None:
    """Whatever field it came in, and in each field of our own forms."""
    way = hostile_way()
    shown = browser(way=way)
    written = quote(HOSTILE)
    key = quote(operation_key("0xpay", ACCOUNT, "crypto_exchange_withdraw", f"id-{HOSTILE}"[:100]), safe="")
    fields = ("q", "source", "kind", "status", "anomaly", "detail", "word", "reason", "why", "operation")
    addresses = [f"/search?{name}={written}" for name in fields]
    addresses += [f"/quarantine/group?{name}={written}" for name in fields]
    addresses += [f"/replay?dry=1&{name}={written}" for name in fields if name != "q"]
    addresses += [f"/rejects?why={written}", f"/config?family={written}", f"/login?next={written}", f"/{written}"]
    addresses += [f"/operation/{written}", f"/callback/{written}", f"/live?source={written}", f"/operation/{key}"]
    addresses += ["/search", "/live", "/quarantine", "/quarantine/group?reason=unknown_status", "/replay?dry=1"]
    addresses += [f"/callback/{number}" for number in range(1, 7)] + [f"/record/{number}" for number in range(1, 7)]
    for address in addresses:
        answer = shown.client.get(address)
        assert answer.status_code in {200, 404}, (address, answer.text)
        Links(answer.text)
        assert "<script>alert" not in answer.text, address
        assert "<img" not in answer.text, address
        assert "\x1b" not in answer.text, address
        assert "49\u202e" not in answer.text, address


def test_no_page_has_a_signature_or_a_whole_card_number() -> None:
    """Wherever they stood."""
    shown = full()
    provider, found = FULL.intake.sources["0xpay-main"]
    for number in range(1, FULL.inbox.last_number() + 1):
        text = shown.get(f"/callback/{number}")
        entry = FULL.inbox.entry(number)
        assert entry is not None
        for name, value in entry.callback.headers:
            if name in provider.signature_headers | FULL.intake.sources["swaps"][0].signature_headers:
                assert value.decode() not in text
        assert "4111111111111111" not in text
        assert found.secrets[0].decode() not in text


def test_a_search_goes_straight_to_the_only_thing_there_is() -> None:
    """An operation by its id, or by the beginning of it; a refused callback's number is one of several things."""
    shown = full()
    answer = shown.client.get("/search?q=exchange-2", follow_redirects=False)
    assert answer.status_code == 303
    assert "/operation/0xpay%3A" in answer.headers["location"]
    assert "Nothing is known by that" in shown.get("/search?q=nobody-knows-this")
    assert "<h3>Callbacks</h3>" in shown.get("/search?q=1")


def test_an_operation_tells_its_story() -> None:
    """Each arrival with its way, its key, the provider's word beside ours, and repeats as one row."""
    text = full().get(f"/operation/{SWAP}")
    assert "webhook" in text
    assert re.search(r"PROCESSED → .*completed", text)
    assert "2 repeats" in text
    assert "90 s" in text
    assert re.search(r"<td><code>[0-9a-f]{8}</code></td>", text), "no fingerprint of a key"


def test_a_later_revision_shows_what_is_otherwise() -> None:
    """Field, was, is."""
    way = Way()
    first = json.loads(exchange("amended"))
    later = dict(first)
    name = next(name for name, value in first.items() if name.lower().endswith("amount"))
    later[name] = str(first[name]) + "1" if isinstance(first[name], str) else first[name] + 1
    asyncio.run(way.events("0xpay-main", [json.dumps(first).encode(), json.dumps(later).encode()]))
    text = browser(way=way).get("/operation/amended")
    assert "Otherwise than in the revision before" in text
    assert "amended" in text


def test_where_on_kafka_is_said_when_asked_for() -> None:
    """And nobody looks there before."""
    way = seeded()
    kafka = with_kafka(way)
    shown = browser(way=way, kafka=kafka)
    assert "Look on Kafka" in shown.get(f"/operation/{SWAP}")
    assert re.search(r"exchange\.status\.v1\[0\]@\d+", shown.get(f"/operation/{SWAP}?places=1"))


class Away(FakeKafka):
    """A cluster that nobody reaches."""

    async def find(self, messages: Sequence[Message], since_ms: int) -> Places:
        raise KafkaUnavailable("no broker answers")


def test_a_kafka_that_does_not_answer_is_said() -> None:
    """And the rest of the story is there."""
    text = browser(way=FULL, kafka=Away()).get(f"/operation/{SWAP}?places=1")
    assert "Kafka does not answer" in text
    assert "PROCESSED" in text


def test_an_operation_that_nobody_knows_is_not_found() -> None:
    """And it is said where something waits to be interpreted."""
    assert "nothing is known" in full().get("/operation/none", 404).lower()
    way = Way()
    asyncio.run(way.deliver("0xpay-main", exchange("waits")))
    assert "1 callback is not interpreted yet" in browser(way=way).get("/operation/waits", 404)
    asyncio.run(way.deliver("0xpay-main", exchange("waits too")))
    assert "2 callbacks are not interpreted yet" in browser(way=way).get("/operation/waits", 404)


def test_it_is_said_where_else_it_may_be() -> None:
    """A search, quarantine, and the command, which looks through everything."""
    text = full().get("/operation/no such%2Fone", 404)
    assert 'href="/search?q=no+such%2Fone"' in text
    assert 'href="/quarantine"' in text
    assert "receiver show &#39;no such/one&#39;" in text
    assert "indexed to " in text


def test_an_address_that_stands_for_several_leads_to_each() -> None:
    """As the beginning of two ids does."""
    text = full().get("/operation/exchange-", 404)
    keys = re.findall(r'<li><a class="go" href="/operation/([^"]+)">', text)
    assert sorted(unquote(key).rpartition(":")[2] for key in keys) == ["exchange-0", "exchange-1", "exchange-2"]
    for key in keys:
        full().get(f"/operation/{key}")


def test_an_unknown_operation_costs_no_look_through_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither operations nor events are all read for an address that somebody mistyped."""

    def refuse(*_: object) -> None:
        raise AssertionError("all of it is read")

    for name in ("operations_by_id", "operations_by_prefix", "events"):
        monkeypatch.setattr(MemorySearch, name, refuse)
    full().get("/operation/none", 404)
    full().get(f"/operation/{SWAP[:8]}")


def test_money_ends_at_one_place_with_its_digits() -> None:
    """The padding is drawn; what can be copied is what was sent."""
    event = {
        "spent": {"amount": "0.10", "currency": "BTC", "network": None},
        "received": {"amount": "1000.000100", "currency": "USDT", "network": "tron"},
        "payout": None,
        "fees": [{"kind": "service", "amount": "7", "currency": None}],
    }
    assert [(digits, pad) for _, digits, pad, _, _ in amounts(event)] == [
        ("0.10", "0000"), ("1000.000100", ""), ("7", "0000000"),
    ]  # fmt: skip


def test_repeats_of_one_event_in_a_row_are_one_row() -> None:
    """Of another event, or with something between, they are not."""
    at = from_us(NOW_S * 1_000_000)
    base = {"received_at": at, "source": "a"}
    rows = [
        {**base, "callback": 1, "outcome": "event", "record": 1},
        {**base, "callback": 2, "outcome": "duplicate", "record": 1},
        {**base, "callback": 3, "outcome": "duplicate", "record": 1},
        {**base, "callback": 4, "outcome": "duplicate", "record": 2},
        {**base, "callback": "poll-1", "outcome": "duplicate", "record": 1},
    ]
    shown = folded(rows, {})
    assert [one["repeats"] for one in shown] == [[1], [2, 3], [4], ["poll-1"]]
    assert shown[-1]["way"] == "poll"


def test_a_journal_without_its_secrets_is_shown_all_the_same() -> None:
    """A backup on another machine: keys and previews are not known there, and all else is."""
    shown = full()

    def nothing() -> Sources:
        raise ConfigurationError(["sources.0 (0xpay-main).secrets.0: the environment has no X"])

    context = replace(shown.desk.context, open_sources=nothing)
    bare = browser(way=FULL, context=context)
    for address in ("/", f"/operation/{SWAP}", "/callback/1", "/quarantine"):
        bare.get(address)
    text = bare.get("/quarantine/group?source=0xpay-main&reason=unknown_status")
    assert "the environment has no X" in text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/search?since=yesterday", "since is a UTC day"),
        ("/search?before=x", "before is a whole number"),
        ("/search?outcome=x", "outcome is one of event, quarantine"),
        ("/search?effective=perhaps", "effective is yes or no"),
        ("/quarantine?state=x", "state is one of open"),
        ("/replay?dry=1&until=2026-99-99", "until is a UTC day"),
        ("/reconcile?skip=-1", "skip is a whole number"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence(address: str, said: str) -> None:
    """Which says what to put there."""
    assert said in full().get(address, 400).replace("Since", "since").replace("State", "state").replace(
        "Before", "before"
    ).replace("Outcome", "outcome").replace("Effective", "effective").replace("Until", "until").replace("Skip", "skip")


@pytest.mark.parametrize(
    "address", ["/callback/99999", "/callback/x", "/record/99", "/record/x", "/request/9", "/request/x", "/rejects/99",
                "/rejects/x", "/nowhere", "/simulator"]
)  # fmt: skip
def test_what_is_not_there_is_said(address: str) -> None:
    """With a way back."""
    assert "To the overview" in browser(way=FULL).get(address, 404)
