"""Whose provider is asked."""

from __future__ import annotations

from receiver.service.config.polls import polled
from receiver.service.config.settings import build

KEY = {"public": "env:KEY", "secret": "env:KEY"}


def test_those_that_have_a_poll_table_and_did_not_switch_it_off() -> None:
    """A person who asks by hand reaches those that are switched off too."""
    sources = [
        {"name": "asked", "provider": "onchainpay", "keys": [KEY], "poll": {"every_s": 7}},
        {"name": "by-hand", "provider": "onchainpay", "keys": [KEY], "poll": {"enabled": False}},
        {"name": "never", "provider": "onchainpay", "keys": [KEY]},
    ]
    settings = build({"sources": sources}, "here")
    assert list(polled(settings)) == ["asked"]
    assert polled(settings)["asked"].every_s == 7
    assert list(polled(settings, all_sources=True)) == ["asked", "by-hand"]
