"""What every answer carries, and what is answered under which name and path."""

from __future__ import annotations

import pytest

from receiver.console.outside import HEADERS, POLICY
from receiver.console.rules import AccessRules
from tests.console.seeded import READ_TOKEN, WRITE_TOKEN, Played, browser, seeded
from tests.console.test_pages import ADDRESSES, Links

WAY = seeded(empty=True)
WRITING_BELOW = AccessRules(base_path="/receiver", write=True, write_token=WRITE_TOKEN)


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/static/console.css", "/static/../app.py", "/login", "/operation/x", "/live/events?x=%ff"],
)
def test_every_answer_binds_the_browser(path: str) -> None:
    """Also those that say no."""
    rules = AccessRules(token=READ_TOKEN) if "live" in path else AccessRules()
    answer = browser(rules, WAY).client.get(path, follow_redirects=False)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_the_policy_lets_nothing_of_others_in() -> None:
    """No inline script or style, no other host, no frame."""
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none';")


def test_a_strange_name_is_sent_away() -> None:
    """Before anything is read."""
    answer = browser(way=WAY, base="http://evil.example").client.get("/")
    assert answer.status_code == 421
    assert "console.hosts" in answer.text


@pytest.mark.parametrize("path", ["/receiver/", "/receiver", "/", "/receiver/search", "/receiver/static/console.js"])
def test_a_prefix_is_understood_left_or_taken(path: str) -> None:
    """A proxy may do either; what is linked to has it."""
    text = browser(AccessRules(base_path="/receiver"), WAY).get(path)
    if "static" not in path:
        assert 'href="/receiver/quarantine"' in text
        assert 'href="/quarantine"' not in text


def test_under_a_prefix_every_link_has_it() -> None:
    """Of every page, also of one that waits."""
    shown = browser(WRITING_BELOW, seeded(), simulator=Played())
    shown.log_in()
    shown.way.requests.add("redrive", 1, {"callbacks": [1]})
    for address in (*ADDRESSES, "/request/1"):
        for link in Links(shown.get(f"/receiver{address}")).links:
            assert link.startswith(("/receiver/", "#")), (address, link)


def test_a_path_that_only_begins_like_the_prefix_is_another() -> None:
    """``/receivers`` is not below ``/receiver``."""
    browser(AccessRules(base_path="/receiver"), WAY).get("/receivers", 404)
