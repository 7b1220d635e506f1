"""Every page on a journal with a bit of everything, on an empty one, and with what strangers may write."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from receiver.console.access import Visitor
from receiver.console.answers import Ask
from receiver.console.pages.operation import amounts, folded
from receiver.console.pages.overview import polyline, sentences
from receiver.console.pages.quarantine import members
from receiver.console.pages.routes import PAGES
from receiver.console.refusals import METRIC, Refusals
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.slots import OneSlot, SlotState, first_record
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


def test_the_overview_says_first_how_it_is() -> None:
    """Good in one sentence; what is wrong in as many as it takes, with where to read on."""
    assert "Taking callbacks. 0 to interpret. Kafka is up, 3 behind." in full().get("/")
    journal = {"taken": 1, "recorded": 1, "uninterpreted": 2, "published": 0}
    assert "2 callbacks wait" in sentences(None, journal)[0]["text"]
    service = full().desk.service()
    assert service is not None
    said = {
        "ready": False,
        "inbox": {"state": "down", "detail": "disk_full"},
        "interpret": {"state": "down", "detail": "the interpret process is down"},
        "kafka": {"state": "stopped", "detail": "the journal and Kafka do not fit"},
    }
    trouble = sentences(type(service)(said, {}), journal)
    assert [one["level"] for one in trouble] == ["bad"] * 3
    assert "disk_full" in trouble[0]["text"]
    assert "do not fit" in trouble[2]["text"]


def test_the_overview_counts_what_became_of_callbacks() -> None:
    """From the index, today: events, repeats, and what nobody could read, each beside its source."""
    text = full().get("/")
    rows = re.findall(r"<tr><td><a class=\"go\" href=\"/search\?source=([^\"]+)\">.*?</tr>", text, re.DOTALL)
    assert rows == ["0xpay-main", "swaps"]
    assert re.search(r'quarantine\?reason=unknown_status"><b>3</b>', text)
    assert "p50 up to 5 ms, p99 up to 10 ms" in text
    assert "200: 1\u202f234, " in text
    assert '<a href="/rejects">401: 2</a>' in text


def test_a_sparkline_is_as_high_as_its_highest_minute() -> None:
    """And flat without any."""
    assert polyline([0, 4, 0]) == "0.0,38.0 120.0,2.0 240.0,38.0"
    assert polyline([0, 0]) == "0.0,38.0 240.0,38.0"


def test_a_search_goes_straight_to_the_only_thing_there_is() -> None:
    """An operation by its id, or by the beginning of it; a refused callback's number is one of several things."""
    shown = full()
    answer = shown.client.get("/search?q=exchange-2", follow_redirects=False)
    assert answer.status_code == 303
    assert "/operation/0xpay%3A" in answer.headers["location"]
    assert "Nothing is known by that" in shown.get("/search?q=nobody-knows-this")
    assert "<h3>Callbacks</h3>" in shown.get("/search?q=1")


def test_lists_go_on_where_a_page_ends() -> None:
    """By number, so that what comes meanwhile moves nothing."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange(f"operation-{place:03}") for place in range(70)]))
    shown = browser(way=way)
    first = shown.get("/search")
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = shown.get(older[1].replace("&amp;", "&"))
    ids = [re.findall(r">(operation-\d+)</code>", text) for text in (first, second)]
    assert [len(one) for one in ids] == [50, 20]
    assert ids[0] + ids[1] == [f"operation-{place:03}" for place in range(69, -1, -1)]
    newer = re.search(r'rel="prev" href="([^"]+)"', second)
    assert newer is not None
    assert re.findall(r">(operation-\d+)</code>", shown.get(newer[1].replace("&amp;", "&"))) == ids[0]


def test_a_list_is_there_as_json() -> None:
    """For who would rather have it in a program."""
    answer = full().client.get("/search?source=swaps&format=json")
    assert answer.headers["content-type"] == "application/json"
    assert {row["source"] for row in answer.json()["records"]} == {"swaps"}


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
    assert "1 callbacks are not interpreted yet" in browser(way=way).get("/operation/waits", 404)


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


def test_a_group_shows_what_a_redrive_would_give() -> None:
    """As a difference: what it is, and what it would become."""
    assert "still unknown_status" in full().get("/quarantine/group?source=0xpay-main&reason=unknown_status")


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


def test_a_large_group_and_a_large_choice_go_on_where_a_page_ends() -> None:
    """The last page says which it shows, and leads no further."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange(f"odd-{place}", status="Wondrous") for place in range(101)]))
    shown = browser(way=way)
    for first, last, rest in (
        ("/quarantine/group?state=open", "/quarantine/group?skip=100&state=open", "101 to 101 are shown"),
        ("/replay?dry=1", "/replay?dry=1&skip=100", "101 to 101 are shown"),
        ("/callbacks", "/callbacks?before=2", ""),
    ):
        page, end = shown.get(first), shown.get(last)
        assert 'rel="next"' in page
        assert 'rel="next"' not in end
        assert rest in end
        assert end.count("/callback/") == 1


def test_callbacks_are_looked_through_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that found too little says so and goes on; what came long before the wanted time is not looked through."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange(f"one-{place}") for place in range(450)]))
    shown = browser(way=way)
    monkeypatch.setattr("receiver.console.pages.callbacks.BUDGET_S", -1)
    text = shown.get("/callbacks?became=quarantine")
    assert "among those that were looked at" in text
    assert 'before=251&amp;became=quarantine">Look further' in text
    monkeypatch.setattr("receiver.console.pages.callbacks.BEFORE_MAX", 10)
    assert 'rel="next"' not in shown.get("/callbacks?since=2030-01-01")


def test_the_overview_shows_what_was_refused_by_the_minute() -> None:
    """Of each source and answer, since the console began to look; the sample of them is a link away."""
    refusals, now_us = Refusals(), FULL.clock.now_us()
    assert "refused with" not in browser(way=FULL, refusals=refusals).get("/")
    for refused, at_us in ((2, now_us - 120_000_000), (5, now_us - 60_000_000), (6, now_us)):
        refusals.note({(METRIC, "401,swaps"): float(refused)}, at_us)
    text = browser(way=FULL, refusals=refusals).get("/")
    assert 'aria-label="swaps, refused with 401: 4 in 60 minutes, at most 3 a minute"' in text
    assert '<a class="go" href="/rejects?source=swaps">4</a>' in text
    assert "when this console began to look" in text


def test_a_group_is_picked_for_a_bounded_time_and_whole_for_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page shows its first callbacks in any case, and says that there may be more."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange(f"odd-{place}", status="Wondrous") for place in range(60)]))
    shown = browser(way=way)
    monkeypatch.setattr("receiver.console.pages.quarantine.BUDGET_S", -1)
    text = shown.get("/quarantine/group?reason=unknown_status&word=Wondrous")
    assert "There are more than one page looks at" in text
    assert text.count('href="/callback/') == 50
    ask = Ask(Visitor("ann", "write"), query={"reason": "unknown_status", "word": "Wondrous"})
    assert [len(members(shown.desk, ask)[0]), members(shown.desk, ask)[1]] == [60, False]
    assert members(shown.desk, Ask(ask.visitor, query={"detail": "none of theirs"})) == ([], False)


def test_a_search_gives_what_it_found_to_programs() -> None:
    """As a list does its records."""
    found = full().client.get("/search?q=1&format=json").json()["found"]
    assert {hit["what"] for hit in found["callbacks"]} == {"callback"}


def test_records_of_several_slots_are_counted_by_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their numbers have the slot in the high bits, and are no count."""
    way = seeded()
    lasts = {0: way.outbox.last_number(), 1: first_record(1) + 5, 2: first_record(2)}
    states = [SlotState(slot, 0, None, None, 0, 0, last) for slot, last in lasts.items()]

    class Slots(OneSlot):
        """Three."""

        def states(self) -> Sequence[SlotState]:
            return states

    monkeypatch.setattr(MemoryJournal, "slots", lambda _: Slots(states[0]))
    monkeypatch.setattr(MemoryOutbox, "last_number", lambda _: lasts[1])
    text = browser(way=way).get("/")
    assert f"<b>{lasts[0] + 5}</b> records" in text
    assert 'href="/search"><b>3</b> to publish' in text
