"""The simulated provider: loopback only, repeatable, retries until a 200, holds an operation's next status."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import httpx
import pytest

from receiver.model.errors import ReceiverError
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.registry import built_in
from receiver.providers.samples import bodies
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox import simulator as simulate
from receiver.sandbox.simulator import (
    Delivery,
    Faults,
    Report,
    Simulation,
    choose,
    deliveries,
    missing,
    require_own_host,
    teller,
)
from tests.support import NOW_S, oxpay_source


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:8080/", "http://127.9.9.9/"]
)
def test_loopback_needs_no_word(url: str) -> None:
    """It is this machine."""
    require_own_host(url, mine=False)


@pytest.mark.parametrize("url", ["http://merchant.example.com/", "http://10.0.0.1/", "http://127.0.0.1.example.com/"])
def test_another_host_needs_the_callers_word(url: str) -> None:
    """Nobody is sent test traffic by accident."""
    with pytest.raises(ReceiverError, match="--i-own-this-host"):
        require_own_host(url, mine=False)
    require_own_host(url, mine=True)


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "nonsense",
        "127.0.0.1:8080",
        "ftp://127.0.0.1/",
        "http://",
        "http://[x]/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
    ],
)
def test_what_is_no_url_is_said(url: str) -> None:
    """Whosever it is; and not taken for a host without a name."""
    for mine in (False, True):
        with pytest.raises(ReceiverError, match="is no URL to send to") as said:
            require_own_host(url, mine=mine)
        assert str(said.value).startswith(url)


def test_scenarios_are_chosen_by_name() -> None:
    """An unknown name is answered with those that there are."""
    assert [scenario.name for scenario in choose(zeroxpay.PROVIDER, ["exchange-happy"])] == ["exchange-happy"]
    assert onchainpay.PROVIDER.samples is not None
    assert choose(onchainpay.PROVIDER, []) == list(onchainpay.PROVIDER.samples.scenarios)
    with pytest.raises(ReceiverError, match=r"no scenario nope; there are exchange-happy"):
        choose(zeroxpay.PROVIDER, ["nope"])


SCENARIOS = [scenario for provider in built_in() if provider.samples for scenario in provider.samples.scenarios]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_seed_makes_the_same_operation_again_and_another_a_fresh_one(scenario: Any) -> None:
    """Equal steps are equal bytes, as a redelivery would be."""
    source = oxpay_source()
    first, again, other = (list(bodies(scenario, source, random.Random(seed), NOW_S)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)
    assert len(set(first)) == len(set(scenario.steps))


TELL = teller(zeroxpay.PROVIDER, oxpay_source())
ATTEMPTS = len(zeroxpay.PROVIDER.retries_s) + 1


class Door:
    """Answers as it is told, and remembers in which order statuses came."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, str]] = []
        self.marks: set[str | None] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.marks.add(request.headers.get("receiver-simulated"))
        body = request.content.decode()
        operation, status = (re.search(f'"{key}":"([^"]+)"', body) for key in ("id", "status"))
        assert operation is not None
        assert status is not None
        self.seen.append((operation[1], status[1]))
        return httpx.Response(self.answers.pop(0) if self.answers else 200)


async def run(monkeypatch: pytest.MonkeyPatch, door: Door, count: int, *, marked: bool = True) -> Report:
    """Send one scenario's operations to a door."""
    client = httpx.AsyncClient
    monkeypatch.setattr(simulate, "WAIT_MIN_S", 0.001)
    monkeypatch.setattr(
        "receiver.sandbox.simulator.httpx.AsyncClient", lambda **_: client(transport=httpx.MockTransport(door))
    )
    scenarios = choose(zeroxpay.PROVIDER, ["exchange-withdraw-happy"])
    simulation = Simulation(
        zeroxpay.PROVIDER, oxpay_source(), "http://127.0.0.1/x", scenarios, random.Random(3), time_scale=0,
        marked=marked,
    )  # fmt: skip
    return await simulation.run(rate=1000, count=count)


async def test_the_next_status_waits_for_the_200_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 503 is tried again, and nothing overtakes it."""
    door = Door(503, 503)
    report = await run(monkeypatch, door, 2)
    assert [status for _, status in door.seen] == ["Exchanged"] * 3 + ["Done"]
    assert report.answers == Counter({"200": 2, "503": 2})
    assert (report.sent, report.operations, report.given_up) == (4, 1, 0)
    assert len(report.latencies_s) == 4


async def test_it_gives_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded number of attempts."""
    report = await run(monkeypatch, Door(*[401] * ATTEMPTS), 2)
    assert (report.given_up, report.sent) == (1, ATTEMPTS)


async def test_it_makes_exactly_as_many_callbacks_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last operation is cut short where need be."""
    door = Door()
    await run(monkeypatch, door, 7)
    assert len(door.seen) == 7


@pytest.mark.parametrize(("marked", "sent"), [(True, "1"), (False, None)])
async def test_each_callback_says_that_it_is_simulated(
    monkeypatch: pytest.MonkeyPatch, *, marked: bool, sent: str | None
) -> None:
    """Unless that is asked for otherwise."""
    door = Door()
    await run(monkeypatch, door, 2, marked=marked)
    assert door.marks == {sent}


def test_percentiles_of_nothing_are_nothing() -> None:
    """No answer, no latency."""
    assert Report().latency_ms(0.99) == 0.0
    assert Report(latencies_s=[0.001, 0.002, 0.003]).latency_ms(0.99) == 3.0


def spoilt(made: list[bytes], faults: Faults) -> list[Delivery]:
    """What is sent of an operation of 0xpay's."""
    return deliveries(made, random.Random(1), faults, TELL, zeroxpay.PROVIDER.unknown_status)


def test_faults_are_what_was_asked_for_and_the_rest_is_as_it_was() -> None:
    """Each by its share; what must come of each callback is written down."""
    source = oxpay_source()
    (scenario,) = choose(zeroxpay.PROVIDER, ["exchange-withdraw-happy"])
    made = list(bodies(scenario, source, random.Random(1), NOW_S))
    plain = spoilt(made, Faults())
    assert [(one.body, one.becomes) for one in plain] == [(body, "event") for body in made]
    assert spoilt(made, Faults(drop=1)) == []
    assert [one.status for one in spoilt(made, Faults(reorder=1))] == [
        "Done",
        "Exchanged",
    ]
    assert [one.status for one in spoilt(made, Faults(duplicate=1))] == ["Exchanged"] * 2 + ["Done"] * 2
    assert [one.status for one in spoilt(made, Faults(late=1))] == [
        "Exchanged",
        "Done",
    ] * 2
    forged = spoilt(made, Faults(tamper=1))
    assert [one.becomes for one in forged] == ["refused", "event"] * 2
    assert all((one.body != one.signed_body) is (one.becomes == "refused") for one in forged)
    unknown = spoilt(made, Faults(unknown=1))
    assert [one.becomes for one in unknown] == ["quarantine", "event"] * 2


def test_what_is_lost_repeated_or_invented_is_named() -> None:
    """Held against what was answered 200."""
    report = Report()
    report.events["a"] = {"Done", "Exchanged"}
    assert missing(report, {"a": Counter({"Done": 1, "Exchanged": 1})}) == []
    assert missing(report, {"a": Counter({"Done": 2, "Failed": 1})}) == [
        "a Exchanged: lost",
        "a Done: 2 times",
        "a Failed: never sent",
    ]
