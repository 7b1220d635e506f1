"""What people ask for: a request each, with who asked in the log, and nothing for a form that is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from receiver.console.access import Visitor
from receiver.console.actions import ACTIONS, redrive
from receiver.console.answers import Ask, BadQuestion
from tests.console.seeded import WRITING, Browser, Played, browser
from tests.operate.desk import exchange
from tests.support import Way

GROUP = {"source": "0xpay-main", "reason": "unknown_status", "state": "open"}
GROUP_PAGE = "/quarantine/group?source=0xpay-main&reason=unknown_status&state=open"


@pytest.fixture
def desk() -> Browser:
    """Somebody who may write, at a journal of their own."""
    shown = browser(WRITING, simulator=Played())
    shown.log_in()
    return shown


def requests(shown: Browser) -> list[tuple[str, Mapping[str, Any]]]:
    """What was asked for."""
    return [(one.request_type, one.payload) for one in shown.way.requests.read(0, 100)]


def test_a_group_is_redriven_by_one_request(desk: Browser) -> None:
    """Which the relay carries out as it does the command's; the page then says what became of each."""
    answer = desk.post("/quarantine/redrive", form=desk.form_token(GROUP_PAGE), **GROUP)
    assert (answer.status_code, answer.headers["location"]) == (303, "/request/1")
    ((kind, payload),) = requests(desk)
    assert kind == "redrive"
    assert len(payload["callbacks"]) == 3
    (line,) = desk.way.log.named("console.request")
    assert (line["who"], line["request"], line["type"], line["callbacks"]) == ("ann", 1, "redrive", 3)
    counted = desk.console._metrics.registry.get_sample_value("receiver_console_requests_total", {"type": "redrive"})
    assert counted == 1
    assert "Waiting." in desk.get("/request/1")
    desk.way.interpret()
    text = desk.get("/request/1")
    assert "Done." in text
    assert text.count("unknown_status") == 3


def test_only_what_is_ticked_is_meant(desk: Browser) -> None:
    """Where anything is."""
    first = next(iter(desk.way.outbox.in_quarantine_between(1, 100)))
    desk.post("/quarantine/redrive", form=desk.form_token(GROUP_PAGE), id=str(first), **GROUP)
    assert requests(desk)[0][1]["callbacks"] == [first]


def test_a_close_needs_a_reason_and_says_who(desk: Browser) -> None:
    """For whoever looks at it later."""
    token = desk.form_token(GROUP_PAGE)
    assert "say why" in desk.post("/quarantine/close", form=token, **GROUP).text.lower()
    assert requests(desk) == []
    desk.post("/quarantine/close", form=token, why="sent by mistake", **GROUP)
    assert requests(desk)[0][1]["why"] == "sent by mistake (ann)"
    desk.way.interpret()
    assert "sent by mistake (ann)" in desk.get("/quarantine/group?reason=unknown_status&state=closed")
    assert "none of those is open" in desk.post("/quarantine/redrive", form=token, **GROUP).text.lower()


def test_many_are_decided_over_by_typing_how_many() -> None:
    """So that nobody does it by a slip."""
    way = Way()
    asyncio.run(way.events("0xpay-main", [exchange(f"odd-{place}", status="Wondrous") for place in range(21)]))
    shown = browser(WRITING, way)
    shown.log_in()
    token = shown.form_token(GROUP_PAGE)
    for count in ({}, {"count": "20"}):
        answer = shown.post("/quarantine/redrive", form=token, **GROUP, **count)
        assert (answer.status_code, requests(shown)) == (400, [])
    assert shown.post("/quarantine/redrive", form=token, count="21", **GROUP).status_code == 303


def test_a_whole_body_is_shown_for_a_reason_to_whoever_may_write(desk: Browser) -> None:
    """Its card number is masked for everybody else; who saw it and why is in the log, and no browser keeps it."""
    number = next(one.number for one in desk.way.inbox.entries if b"4111111111111111" in one.callback.body)
    page = f"/callback/{number}"
    token = desk.form_token(page)
    assert "4111111111111111" not in desk.get(page)
    fields = {"form": token, "callback": str(number)}
    refused = desk.post("/callback/whole", **fields, why="x")
    assert (refused.status_code, "4111111111111111" in refused.text) == (400, False)
    assert desk.way.log.named("console.body_shown") == []
    why = "the bank asks for it, of 4111111111111111"
    answer = desk.post("/callback/whole", **fields, why=why)
    assert answer.status_code == 200
    assert "card 4111111111111111" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    (line,) = desk.way.log.named("console.body_shown")
    assert line == {"who": "ann", "callback": str(number), "why": "the bank asks for it, of 411111******1111"}
    assert "<form" not in answer.text[answer.text.index("<h2>Body") :].partition("</main>")[0]
    signatures = [
        value.decode() for name, value in desk.way.inbox.entries[number - 1].callback.headers if b"sign" in name
    ]
    assert signatures
    assert not any(one in answer.text for one in signatures)
    assert desk.post("/callback/whole", form=token, callback="999", why="a reason").status_code == 404


@pytest.mark.parametrize("path", list(ACTIONS))
def test_a_form_that_is_not_ours_asks_for_nothing(desk: Browser, path: str) -> None:
    """Without our token, from another site, or from a browser that does not say whence."""
    token = desk.form_token(GROUP_PAGE)
    fields = {**GROUP, "why": "because", "operation": "x", "scenario": "swaps:", "callback": "1"}
    for headers, form in (
        ({"sec-fetch-site": "same-origin"}, ""),
        ({"sec-fetch-site": "cross-site"}, token),
        ({"origin": "http://evil.example"}, token),
        ({}, token),
    ):
        answer = desk.client.post(path, data={**fields, "form": form}, headers=headers, follow_redirects=False)
        assert answer.status_code == 403
    assert requests(desk) == []
    assert desk.way.log.named("console.body_shown") == []
    assert desk.way.log.named("console.refused")
    played = desk.desk.simulator
    assert isinstance(played, Played)
    assert (played.started, played.stopped) == ([], 0)


def test_who_only_reads_changes_nothing(desk: Browser) -> None:
    """Also with the token of another's form."""
    token = desk.form_token(GROUP_PAGE)
    reader = browser(WRITING, desk.way)
    for path in ACTIONS:
        answer = reader.post(path, form=token, callback="1", why="because", **GROUP)
        assert (answer.status_code, "<h2>Body" in answer.text) == (403, False)
    assert requests(desk) == []


def test_an_operation_is_watched_from_now_on(desk: Browser) -> None:
    """Of a source whose provider is asked, and by an id that can be one of its."""
    token = desk.form_token("/reconcile")
    watched = desk.way.journal.watchlist()
    before = len(watched.listed(10))
    assert desk.post("/reconcile/track", form=token, source="0xpay-main", operation="x").status_code == 400
    assert desk.post("/reconcile/track", form=token, source="swaps", operation="no id/").status_code == 409
    assert len(watched.listed(10)) == before
    identity = "00000000-0000-4000-8000-000000000001"
    assert desk.post("/reconcile/track", form=token, source="swaps", operation=identity).status_code == 303
    assert identity in {one.operation_id for one in watched.listed(10)}
    assert desk.way.log.named("console.tracked")[0]["who"] == "ann"


def test_what_today_s_code_reads_the_same_is_not_published_again(desk: Browser) -> None:
    """There would be nothing to ask for."""
    token = desk.form_token(GROUP_PAGE)
    assert desk.post("/replay/reprocess", form=token, source="swaps").status_code == 400
    assert requests(desk) == []


def test_the_simulator_is_played_from_its_page(desk: Browser) -> None:
    """Shares are percent there."""
    token = desk.form_token("/simulator")
    assert desk.post("/simulator/start", form=token, scenario="swaps:done", rate="3", tamper="25").status_code == 303
    for wrong in ({"rate": "0"}, {"rate": "x"}, {"rate": "2", "late": "101"}, {"rate": "nan"}):
        assert desk.post("/simulator/start", form=token, scenario="swaps:", **wrong).status_code == 400
    assert desk.post("/simulator/stop", form=token).status_code == 303
    played = desk.desk.simulator
    assert isinstance(played, Played)
    ((_, scenario, rate, faults),) = played.started
    assert (scenario, rate, faults["tamper"], faults["late"]) == ("swaps:done", 3.0, 0.25, 0.0)
    assert played.stopped == 1


def test_without_a_choice_nothing_is_meant() -> None:
    """A form with neither a group nor a box ticked is not taken for everything."""
    ask = Ask(Visitor("ann", "write"))
    with pytest.raises(BadQuestion, match="tick"):
        redrive(browser().desk, ask)
    with pytest.raises(BadQuestion, match="neither"):
        redrive(browser().desk, Ask(Visitor("ann", "write"), chosen=("x; drop",)))
