"""Logging in and out, and what is answered to whom."""

from __future__ import annotations

import pytest

from receiver.console.app import FORM_BYTES_MAX
from receiver.console.pages import routes
from receiver.console.rules import AccessRules
from receiver.intake.peers import networks
from receiver.model.errors import StoreFailed
from tests.console.seeded import READ_TOKEN, WRITE_TOKEN, WRITING, browser, seeded

WAY = seeded(empty=True)
CLOSED = AccessRules(token=READ_TOKEN, write=True, write_token=WRITE_TOKEN)


def test_who_is_nobody_is_shown_the_login_and_nothing_else() -> None:
    """Whatever page was asked for, also one that is not there; programs get 401."""
    shown = browser(CLOSED, WAY)
    for path in ("/", "/search?q=x", "/nowhere"):
        answer = shown.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    assert shown.client.get("/live/events").status_code == 401
    assert shown.post("/quarantine/redrive").status_code == 401
    assert shown.client.get("/", headers={"authorization": "Bearer x"}).status_code == 401


def test_a_token_lets_in_and_leads_on() -> None:
    """To the page that was asked for; who it was is in the log, and no token."""
    shown = browser(CLOSED, WAY)
    answer = shown.post("/login", token=READ_TOKEN, name="ann", next="/search?q=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=x")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=28800" in cookie
    assert "secure" not in cookie
    assert "ann, reads only" in shown.get("/")
    line = WAY.log.named("console.login")[-1]
    assert (line["who"], line["role"]) == ("ann", "read")
    assert READ_TOKEN not in str(WAY.log.lines)
    assert shown.post("/logout").status_code == 303
    assert shown.client.get("/", follow_redirects=False).status_code == 303


def test_off_loopback_a_session_goes_over_tls_alone() -> None:
    """A browser sends it nowhere else, and only below the console's own path."""
    rules = AccessRules(host="10.0.0.7", token=READ_TOKEN, base_path="/receiver")
    cookie = browser(rules, WAY).post("/login", token=READ_TOKEN, name="ann").headers["set-cookie"].lower()
    assert "secure" in cookie
    assert "path=/receiver" in cookie


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_a_login_leads_to_no_other_site(target: str) -> None:
    """Whatever the address that it was opened with said."""
    answer = browser(CLOSED, WAY).post("/login", token=READ_TOKEN, name="ann", next=target)
    assert answer.headers["location"] == "/"


def test_a_wrong_token_and_a_foreign_form_are_refused() -> None:
    """And after some guesses nobody of that address is listened to."""
    shown = browser(CLOSED, seeded(empty=True))
    foreign = shown.client.post("/login", data={"token": READ_TOKEN, "name": "a"}, headers={"origin": "http://evil"})
    assert foreign.status_code == 403
    for _ in range(12):
        answer = shown.post("/login", token="a wrong token of somebody", name="a")
        assert answer.status_code == 403
        assert "wrong token of somebody" not in answer.text
    assert "too many wrong tokens" in shown.post("/login", token=READ_TOKEN, name="a").text
    assert "wrong token of somebody" not in str(shown.way.log.lines)


def test_without_a_token_there_is_only_reading() -> None:
    """No form is shown, and one that is sent all the same is refused."""
    shown = browser()
    assert 'method="post"' not in shown.get("/quarantine/group?reason=unknown_status")
    assert shown.post("/quarantine/redrive", reason="unknown_status").status_code == 403
    assert shown.way.requests.last_number() == 0


def test_a_proxy_without_a_name_is_told_so() -> None:
    """There is nothing to log in with."""
    rules = AccessRules(trust_user_header="x-user", trusted_proxies=networks(["127.0.0.1"]))
    shown = browser(rules, WAY)
    assert shown.client.get("/").status_code == 401
    assert "ann, reads only" in shown.get("/", headers={"x-user": "ann"})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_there_is_get_and_post_alone(method: str) -> None:
    """And a page that reads is no target of a form."""
    shown = browser(way=WAY)
    assert shown.client.request(method, "/search").status_code == 405
    assert shown.client.post("/search").status_code == 405
    assert shown.client.get("/quarantine/redrive").status_code == 405


def test_a_form_that_is_too_large_is_not_read() -> None:
    """Nobody fills our memory with one."""
    shown = browser(WRITING)
    shown.log_in()
    answer = shown.post("/quarantine/redrive", form="x" * (FORM_BYTES_MAX + 1))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("error", "status"), [(StoreFailed("disk I/O error"), 503), (ValueError("an error of ours"), 500)]
)
def test_a_page_that_fails_is_an_answer_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """A bug is in the log, and not on the page."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("receiver.console.app.PAGES", {**routes.PAGES, "/": fails})
    shown = browser(way=seeded(empty=True))
    text = shown.get("/", status)
    assert "Traceback" not in text
    assert ("an error of ours; the log has it" in text.replace("An error", "an error")) is (status == 500)
    assert len(shown.way.log.named("console.bug")) == (status == 500)
    assert ("disk I/O error" in text) is (status == 503)
