"""``receiver simulate | providers``: what is refused before anything is sent, and what is listed."""

from __future__ import annotations

import json

import pytest

from receiver.providers.registry import providers
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ((), 2, "--source is one of 0xpay-main, swaps"),
        (("--source", "nope"), 2, "--source is one of 0xpay-main, swaps"),
        (("--source", "swaps", "--url", "http://shop.example.com/"), 1, "--i-own-this-host says that it is yours"),
        (("--source", "swaps", "--scenario", "nope"), 1, "onchainpay has no scenario nope; there are "),
        (("--source", "swaps", "--drop", "101%"), 2, "101% is no share, as 5% or 0.05"),
        (("--source", "swaps", "--late", "often"), 2, "often is no share, as 5% or 0.05"),
        (("--source", "swaps", "--count", "0"), 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_played_is_said(desk: Desk, command: tuple[str, ...], code: int, says: str) -> None:
    """By name."""
    assert says in desk.fails("simulate", *command, code=code)


def test_a_receiver_that_is_not_there_is_exit_1_with_a_report(desk: Desk) -> None:
    """What was given up is counted."""
    url = "http://127.0.0.1:1/webhooks/swaps"
    command = ("simulate", "--source", "swaps", "--count", "1", "--rate", "100", "--time-scale", "0", "--seed", "4")
    out, err = desk.run(*command, "--url", url, "--json", code=1)
    report = json.loads(out)
    assert (report["given_up"], report["the receiver should hold"]["events"]) == (1, 0)
    assert f"sending to {url}, seed 4" in err


def test_every_provider_is_listed(desk: Desk) -> None:
    """Also in the tables."""
    assert [row["provider"] for row in desk.lines("providers")] == list(providers())
    out, _ = desk.run("providers")
    assert all(slug in out for slug in providers())
