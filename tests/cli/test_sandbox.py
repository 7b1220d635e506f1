"""``receiver simulate | providers``: what is refused before anything is sent, and what is listed."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from receiver.cli import sandbox
from receiver.providers.registry import providers
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ((), 2, "--source is one of 0xpay-main, swaps"),
        (("--source", "nope"), 2, "--source is one of 0xpay-main, swaps"),
        (("--source", "swaps", "--url", "http://shop.example.com/"), 1, "--i-own-this-host says that it is yours"),
        (("--source", "swaps", "--scenario", "nope"), 2, "onchainpay has no scenario nope; there are "),
        (("--source", "swaps", "--drop", "101%"), 2, "101% is no share, as 5% or 0.05"),
        (("--source", "swaps", "--late", "often"), 2, "often is no share, as 5% or 0.05"),
        (("--source", "swaps", "--count", "0"), 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_played_is_said(desk: Desk, command: tuple[str, ...], code: int, says: str) -> None:
    """By name."""
    assert says in desk.fails("simulate", *command, code=code)


def test_where_nobody_listens_nothing_is_sent(desk: Desk) -> None:
    """It is said at once, with what to start; what is wrong with the wish itself comes first."""
    url = "http://127.0.0.1:1/webhooks/swaps"
    said = desk.fails("simulate", "--source", "swaps", "--url", url)
    assert said == "receiver: nobody listens on 127.0.0.1:1; start `receiver dev`, or `receiver serve`\n"
    assert "no scenario" in desk.fails("simulate", "--source", "swaps", "--url", url, "--scenario", "nope", code=2)
    with patch("socket.create_connection", side_effect=TimeoutError("timed out")):
        said = desk.fails("simulate", "--source", "swaps", "--url", "https://[::1]/x")
    assert "nobody listens on [::1]:443 (timed out); " in said


@pytest.fixture
def goes_away() -> Iterator[int]:
    """The port of a listener that takes one connection, closes it, and is there no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            listener.accept()[0].close()
            listener.close()

        taking = threading.Thread(target=once)
        port = listener.getsockname()[1]
        taking.start()
        yield port
        taking.join()


def test_a_receiver_that_goes_away_is_exit_1_with_a_report(desk: Desk, goes_away: int) -> None:
    """What was given up is counted."""
    url = f"http://127.0.0.1:{goes_away}/webhooks/swaps"
    command = ("simulate", "--source", "swaps", "--count", "1", "--rate", "100", "--time-scale", "0", "--seed", "4")
    out, err = desk.run(*command, "--url", url, "--json", code=1)
    report = json.loads(out)
    assert (report["given_up"], report["the receiver should hold"]["events"]) == (1, 0)
    assert f"sending to {url}, seed 4" in err


def test_attempts_that_fail_are_told_of_while_they_are_repeated(
    desk: Desk, goes_away: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line once; the last one may be of all of them."""
    monkeypatch.setattr(sandbox, "TELL_S", 0.001)
    url = f"http://127.0.0.1:{goes_away}/webhooks/swaps"
    command = ("simulate", "--source", "swaps", "--count", "1", "--rate", "100", "--time-scale", "0", "--seed", "4")
    _, err = desk.run(*command, "--url", url, code=1)
    told = [line for line in err.splitlines() if "attempts so far" in line]
    assert told[0].startswith("attempts so far, by their answers: ")
    assert told[0].endswith("Error 1")
    assert len(told) == len(set(told)) > 1


def test_every_provider_is_listed(desk: Desk) -> None:
    """Also in the tables."""
    assert [row["provider"] for row in desk.lines("providers")] == list(providers())
    out, _ = desk.run("providers")
    assert all(slug in out for slug in providers())
