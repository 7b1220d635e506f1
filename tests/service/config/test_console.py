"""A console that cannot run, or that anybody could reach, is a fault before anything starts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config import console
from receiver.service.config.settings import Settings, build
from receiver.service.config.soundness import faults_of

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}
ENVIRON = {"KEY": "k" * 16, "READ": "a-read-token-here", "WRITE": "a-write-token-here"}
EVERYWHERE = "0.0.0.0"  # noqa: S104  only named


def settings(**keys: Any) -> Settings:
    """With a table of the console, enabled."""
    return build({"sources": [SOURCE], "console": {"enabled": True, **keys}}, "here")


@pytest.mark.parametrize("missing", console.LIBRARIES)
def test_without_its_packages_it_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence; where it is not enabled nobody asks."""
    monkeypatch.setattr(console, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(ConfigurationError, match=r"pip install 'exchange-webhook-receiver\[console\]'"):
        console.need_console()
    assert not console.console_is_there()
    assert any("[console]" in fault for fault in faults_of(settings(), ENVIRON))
    assert faults_of(settings(enabled=False), ENVIRON) == []


def test_tokens_are_looked_up_and_rules_are_as_configured() -> None:
    """With names of hosts and headers in lower case."""
    keys = {"token": "env:READ", "write": True, "write_token": "env:WRITE", "hosts": ["Console.Shop.example"]}
    keys |= {"trust_user_header": "X-User", "trusted_proxies": ["10.0.0.0/8"], "write_users": ["ann"]}
    rules = console.console_rules(settings(**keys, base_path="/receiver"), ENVIRON)
    assert (rules.token, rules.write_token) == (ENVIRON["READ"], ENVIRON["WRITE"])
    assert rules.hosts == {"console.shop.example"}
    assert (rules.trust_user_header, rules.base_path) == ("x-user", "/receiver")
    assert rules.write_users == {"ann"}


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"host": EVERYWHERE}, "console.host: 0.0.0.0 is not loopback"),
        ({"token": "env:NOT_THERE"}, "console.token: the environment has no NOT_THERE"),
        ({"trust_user_header": "X-User"}, "console.trusted_proxies: it is empty"),
    ],
)
def test_what_would_let_strangers_in_is_a_fault(keys: dict[str, Any], fault: str) -> None:
    """`receiver check` says the same."""
    with pytest.raises(ConfigurationError) as refused:
        console.console_rules(settings(**keys), ENVIRON)
    (said,) = refused.value.faults
    assert said.startswith(fault)
    assert said in faults_of(settings(**keys), ENVIRON)


@pytest.mark.parametrize(
    "keys",
    [
        {"base_path": "receiver"},
        {"base_path": "/receiver/"},
        {"base_path": "/a?b"},
        {"port": 0},
        {"token": "the token itself"},
        {"trusted_proxies": ["nowhere"]},
        {"trust_user_header": "X User"},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any]) -> None:
    """And a token itself is never said."""
    with pytest.raises(ConfigurationError) as refused:
        settings(**keys)
    assert "the token itself" not in str(refused.value.faults)


def test_its_url_is_known_where_serve_runs_one() -> None:
    """With its base path; an IPv6 address stands in brackets."""
    assert console.console_url(settings(port=8099, base_path="/receiver")) == "http://127.0.0.1:8099/receiver/"
    assert console.console_url(settings(enabled=False)) is None
    assert console.url_of(settings(host="::1", enabled=False)) == "http://[::1]:8082/"
