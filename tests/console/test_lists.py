"""The overview and the lists: what is counted, and where a list goes on or ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from receiver.console.access import Visitor
from receiver.console.answers import Ask
from receiver.console.pages.overview import polyline, sentences
from receiver.console.pages.quarantine import members
from receiver.console.refusals import METRIC, Refusals
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.slots import OneSlot, SlotState, first_record
from tests.console.seeded import Browser, Played, browser, seeded
from tests.operate.desk import exchange
from tests.support import Way

FULL = seeded()


def full() -> Browser:
    """A console over the journal that nobody changes."""
    return browser(way=FULL, simulator=Played())


def test_the_overview_says_first_how_it_is() -> None:
    """Good in one sentence; what is wrong in as many as it takes, with where to read on."""
    assert "Taking callbacks. 0 to interpret. Kafka is up, 3 behind." in full().get("/")
    journal = {"taken": 1, "recorded": 1, "uninterpreted": 2, "published": 0}
    assert "2 callbacks wait" in sentences(None, journal)[0]["text"]
    assert "1 callback waits" in sentences(None, journal | {"uninterpreted": 1})[0]["text"]
    assert "wait" not in sentences(None, journal | {"uninterpreted": 0})[0]["text"]
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


def test_a_group_shows_what_a_redrive_would_give() -> None:
    """As a difference: what it is, and what it would become."""
    assert "still unknown_status" in full().get("/quarantine/group?source=0xpay-main&reason=unknown_status")


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
    more = re.search(r'rel="next" href="([^"]+)"', text)
    assert more is not None
    assert shown.get(more[1].replace("&amp;", "&")).count('href="/callback/') == 10
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


def test_callbacks_below_a_long_gap_are_listed() -> None:
    """However many numbers were purged, or never given, in between."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange("low"), exchange("high")]))
    low, high = way.inbox.entries
    way.inbox.entries[:] = [low, replace(high, number=1 << 50)]
    way.inbox.last_number = lambda: 1 << 50  # type: ignore[method-assign]
    text = browser(way=way).get("/callbacks")
    assert re.findall(r'class="go" href="/callback/(\d+)"', text) == [str(1 << 50), "1"]
