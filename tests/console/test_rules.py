"""A console that anybody could reach without a login does not start."""

from __future__ import annotations

import pytest

from receiver.console.rules import AccessRules, faults
from receiver.intake.peers import networks

TOKEN = "0123456789abcdef"
EVERYWHERE = "0.0.0.0"  # noqa: S104  only named


@pytest.mark.parametrize(
    ("rules", "begins"),
    [
        (AccessRules(host=EVERYWHERE), f"console.host: {EVERYWHERE} is not loopback"),
        (AccessRules(host="::", write_token=TOKEN), "console.host: :: is not loopback"),
        (AccessRules(trust_user_header="x-user"), "console.trusted_proxies: it is empty"),
        (AccessRules(token="short"), "console.token: it has fewer than 16 characters"),
        (AccessRules(write=True, write_token="short"), "console.write_token: it has fewer"),
        (AccessRules(token=TOKEN, write=True, write_token=TOKEN), "console.write_token: it is the same"),
    ],
)
def test_rules_that_let_strangers_in_are_refused(rules: AccessRules, begins: str) -> None:
    """With one sentence, which names the key and never the token."""
    (fault,) = faults(rules)
    assert fault.startswith(begins)
    assert TOKEN not in fault


@pytest.mark.parametrize(
    "rules",
    [
        AccessRules(),
        AccessRules(host=EVERYWHERE, token=TOKEN),
        AccessRules(host=EVERYWHERE, write=True, write_token=TOKEN),
        AccessRules(host="10.0.0.7", trust_user_header="x-user", trusted_proxies=networks(["10.0.0.1"])),
    ],
)
def test_rules_that_keep_strangers_out_are_sound(rules: AccessRules) -> None:
    """Loopback, a token, or a proxy that says who calls."""
    assert faults(rules) == []


def test_tokens_are_never_printed() -> None:
    """Whoever logs the rules logs no secret."""
    assert TOKEN not in repr(AccessRules(token=TOKEN, write_token=TOKEN))
