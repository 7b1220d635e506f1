"""Who is let in as what, and whose forms are believed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from receiver.console.access import FAILURES_MAX, FAILURES_S, Door, Visitor, host_name, same_origin
from receiver.console.rules import AccessRules
from receiver.intake.peers import networks
from tests.console.seeded import READ_TOKEN, WRITE_TOKEN

BOTH = AccessRules(token=READ_TOKEN, write=True, write_token=WRITE_TOKEN)
HERE = "127.0.0.1"


def come(rules: AccessRules, headers: Mapping[str, str] = {}, peer: str = HERE) -> Visitor | None:
    """Somebody without a session."""
    return Door(rules).visitor(headers, {}, peer, 0.0)


def test_on_loopback_without_a_token_whoever_is_there_reads() -> None:
    """And cannot write, whatever else is configured."""
    for rules in (AccessRules(), AccessRules(write=True, write_token=WRITE_TOKEN)):
        visitor = come(rules)
        assert visitor is not None
        assert not visitor.writes


def test_with_a_token_nobody_reads_without_it() -> None:
    """Nor with a wrong one, or a right one in the wrong scheme."""
    assert come(BOTH) is None
    assert come(BOTH, {"authorization": "Bearer nonsense"}) is None
    assert come(BOTH, {"authorization": f"Basic {READ_TOKEN}"}) is None


def test_each_token_gives_its_role() -> None:
    """The write token lets its holder read, too."""
    reader = come(BOTH, {"authorization": f"Bearer {READ_TOKEN}"})
    writer = come(BOTH, {"authorization": f"bearer {WRITE_TOKEN}"})
    assert reader is not None
    assert writer is not None
    assert (reader.writes, writer.writes) == (False, True)


def test_the_write_token_means_nothing_where_writing_is_off() -> None:
    """Not even that its holder may read."""
    rules = AccessRules(token=READ_TOKEN, write_token=WRITE_TOKEN)
    assert come(rules, {"authorization": f"Bearer {WRITE_TOKEN}"}) is None


def test_an_empty_token_is_no_token() -> None:
    """Also where none is configured."""
    assert Door(AccessRules(write=True)).role_of("") is None
    assert Door(BOTH).role_of("") is None


def test_who_guesses_is_not_listened_to_for_a_while() -> None:
    """The right token neither; another address, and the same one later, is heard."""
    door = Door(BOTH)
    right = {"authorization": f"Bearer {READ_TOKEN}"}
    for _ in range(FAILURES_MAX):
        assert door.visitor({"authorization": "Bearer guess"}, {}, "10.0.0.9", 0.0) is None
    assert door.visitor(right, {}, "10.0.0.9", 1.0) is None
    assert door.visitor(right, {}, "10.0.0.8", 1.0) is not None
    assert door.visitor(right, {}, "10.0.0.9", FAILURES_S + 1) is not None


def test_a_session_lasts_over_a_restart_and_not_over_a_new_token() -> None:
    """Whoever changes a token sends everybody away."""
    cookies = {"receiver_console": Door(BOTH).begin("ann", "write")}
    again = Door(BOTH).visitor({}, cookies, HERE, 0.0)
    assert again == Visitor("ann", "write", logged_in=True)
    changed = AccessRules(token=READ_TOKEN, write=True, write_token="another-write-token")
    assert Door(changed).visitor({}, cookies, HERE, 0.0) is None


def test_a_session_that_was_tampered_with_is_none() -> None:
    """Nor is one of a writer worth anything where writing was switched off, which keeps the tokens."""
    cookie = Door(BOTH).begin("ann", "read")
    for wrong in (cookie[:-1], cookie.replace(".", "", 1), "", "a.b.c"):
        assert Door(BOTH).visitor({}, {"receiver_console": wrong}, HERE, 0.0) is None
    writer = Door(BOTH).begin("ann", "write")
    off = AccessRules(token=READ_TOKEN, write=False, write_token=WRITE_TOKEN)
    assert Door(off).visitor({}, {"receiver_console": writer}, HERE, 0.0) is None


PROXY = AccessRules(
    host="10.0.0.7",
    trust_user_header="x-forwarded-user",
    trusted_proxies=networks(["10.0.0.0/30"]),
    write=True,
    write_users=frozenset({"ann"}),
)


@pytest.mark.parametrize(
    ("user", "peer", "role"),
    [
        ("ann", "10.0.0.1", "write"),
        ("bob", "10.0.0.1", "read"),
        ("Ann", "10.0.0.1", "read"),
        ("", "10.0.0.1", None),
        ("ann", "10.0.0.9", None),
        ("ann", "nowhere", None),
    ],
)
def test_a_name_is_believed_from_a_trusted_proxy_alone(user: str, peer: str, role: str | None) -> None:
    """And only whoever is listed may write."""
    visitor = come(PROXY, {"x-forwarded-user": user}, peer)
    assert (None if visitor is None else visitor.role) == role


@pytest.mark.parametrize(
    ("rules", "host", "known"),
    [
        (AccessRules(), "localhost:8082", True),
        (AccessRules(), "[::1]:8082", True),
        (AccessRules(), "127.0.0.1", True),
        (AccessRules(), "evil.example.com", False),
        (AccessRules(), "", False),
        (AccessRules(hosts=frozenset({"console.shop.example"})), "Console.shop.example:443", True),
        (AccessRules(host="10.0.0.7", token=READ_TOKEN), "whatever.example", True),
        (AccessRules(host="10.0.0.7", token=READ_TOKEN, hosts=frozenset({"a.example"})), "b.example", False),
    ],
)
def test_a_name_that_was_made_to_point_here_is_not_ours(rules: AccessRules, host: str, known: bool) -> None:  # noqa: FBT001
    """Else a page of another site could read the console of whoever looks at it (DNS rebinding)."""
    assert Door(rules).knows_host(host) is known


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://localhost:8082", "host": "localhost:8082"}, True),
        ({"origin": "http://evil.example", "host": "localhost:8082"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"origin": "http://[", "host": "["}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost", "host": "localhost"}, False),
        ({}, False),
    ],
)
def test_a_browser_says_where_a_form_came_from(headers: Mapping[str, str], ours: bool) -> None:  # noqa: FBT001
    """One that says nothing is not believed."""
    assert same_origin(headers) is ours


def test_a_form_is_for_whom_it_was_made() -> None:
    """Not for another visitor, and not without its token."""
    door = Door(BOTH)
    ann, bob = Visitor("ann", "write"), Visitor("bob", "write")
    headers = {"sec-fetch-site": "same-origin"}
    token = door.form_token(ann)
    assert door.is_ours(ann, headers, token)
    assert not door.is_ours(bob, headers, token)
    assert not door.is_ours(ann, {}, token)
    assert not door.is_ours(ann, headers, "")
    assert not door.is_ours(ann, headers, door.begin("ann", "write"))


def test_names_are_one_short_line() -> None:
    """What a person says of themselves is for the log."""
    said = Door(BOTH).visitor({}, {"receiver_console": Door(BOTH).begin("a\nb\x1b[31m" + "c" * 99, "read")}, HERE, 0.0)
    assert said is not None
    assert said.who.isprintable()
    assert len(said.who) == 64
    assert host_name("LOCALHOST") == "localhost"
