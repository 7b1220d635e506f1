"""Reconcile in the whole service, against providers' APIs over real HTTP: lost callbacks heal, whatever is killed."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kafka_local import LocalKafka
from starlette.responses import Response

from tests.chaos.oracle import committed
from tests.chaos.service import Service, until
from tests.fake_provider import (
    ACCOUNT,
    CALYPSO_KEY,
    CALYPSO_SECRET,
    ORDER_HEADER,
    ORDER_SECRET,
    FakeProvider,
    exchange,
    swap,
)

POLLS = """
poll = {{ base_url = "{url}/api-gateway", timeout_s = 2, overdue_s = 60 }}

[[sources]]
name = "calypso"
provider = "calypso"
account = "{account}"

[sources.poll]
base_url = "{url}"
key = {{ public = "env:FAKE_CALYPSO_KEY", secret = "env:FAKE_CALYPSO_SECRET" }}
every_s = 1

[[sources]]
name = "orders"
provider = "cryptoexchange"

[sources.poll]
enabled = false
base_url = "{url}"
order_path = "/orders/{{id}}"
auth_header = "{header}"
secret = "env:FAKE_ORDER_SECRET"
fields = {{ id = "uuid", status = "state" }}
statuses = {{ new = "pending", done = "completed" }}
"""


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """The providers' APIs."""
    with FakeProvider().running() as provider:
        yield provider


@pytest.fixture
def service(tmp_path: Path, fake: FakeProvider) -> Iterator[Service]:
    """An installation that asks them, not started yet."""
    with asking(Service(tmp_path / "service", forks=True), fake) as made:
        yield made


def asking(made: Service, fake: FakeProvider) -> Service:
    """The same installation with ``poll``."""
    text = made.config.read_text() + POLLS.format(url=fake.url, account=ACCOUNT, header=ORDER_HEADER).lstrip("\n")
    made.config.write_text(text)
    secrets = {"FAKE_CALYPSO_KEY": CALYPSO_KEY, "FAKE_CALYPSO_SECRET": CALYPSO_SECRET}
    made.environ |= secrets | {"FAKE_ORDER_SECRET": ORDER_SECRET}
    return made


def events(service: Service, operation: str) -> list[tuple[str, str, bool]]:
    """(status, how it was learnt, effective) of each event of an operation."""
    found = (event for event in service.lines("tail") if event["operation_id"] == operation)
    return [(event["status"], event["observed_via"], event["effective"]) for event in found]


@pytest.mark.long
def test_lost_callbacks_heal_and_contradictions_are_settled(service: Service, fake: FakeProvider) -> None:
    """A swap whose callbacks never came, one that was contradicted, one whose callback nobody could read."""
    fake.swaps = {name: swap(name, "PROCESSED") for name in ("lost", "fine", "odd")} | {"torn": swap("torn", "ERROR")}
    service.start()
    service.wait_ready()
    done = service.receiver("track", "swaps", "lost")
    assert (done.returncode, "asks at once" in done.stderr) == (0, True)
    assert service.post_swap(fake.swaps["fine"]) == 200
    assert service.post_swap(fake.swaps["odd"] | {"status": "SWAPPING"}) == 200
    assert service.post_swap(swap("torn", "PROCESSED")) == 200
    assert service.post_swap(swap("torn", "ERROR")) == 200
    until(lambda: events(service, "lost") == [("completed", "poll", True)])
    until(lambda: events(service, "odd") == [("completed", "poll", True)])
    until(lambda: len(events(service, "torn")) == 3)
    assert events(service, "torn")[2] == ("failed", "poll", True)
    until(lambda: {body["id"] for _, body in fake.asked if "id" in body} >= {"lost", "fine", "odd", "torn"})
    assert events(service, "fine") == [("completed", "webhook", True)]
    until(lambda: service.lines("reconcile", "list") == [])
    assert fake.refused == []
    shown = service.lines("show", "lost")
    assert [(row["outcome"], row["observed_via"]) for row in shown] == [("event", "poll")]


@pytest.mark.long
def test_exchanges_are_followed_while_processes_are_killed(
    tmp_path: Path, fake: FakeProvider, kafka: LocalKafka, prefix: str
) -> None:
    """Each state of each exchange is on Kafka once, in order, though reconcile and relay die on the way."""
    service = asking(Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True), fake)
    assert service.receiver("topics", "create").returncode == 0
    try:
        service.start()
        service.wait_ready()
        created = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        for number in range(40):
            fake.exchanges[str(number)] = exchange(number, created=created)
        for role in ("reconcile", "interpret", "reconcile"):
            time.sleep(1.0)
            assert service.kill(role)
            until(lambda: known(service) == set(fake.exchanges))  # what is over before it was seen is no affair of this
            for number in range(len(fake.asked) % 3, 40, 3):
                fake.exchanges[str(number)] = exchange(number, "COMPLETED", created=created, destinationAmount="1e-8")
        for number in range(40):
            fake.exchanges[str(number)] = exchange(number, "COMPLETED", created=created, destinationAmount="1e-8")
        until(lambda: settled(service, fake), 60)
        published = committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
    finally:
        service.destroy()
    found: dict[str, list[tuple[int, str]]] = {}
    for record in published:
        event = record.value
        found.setdefault(event["operation_id"], []).append((event["sequence"], event["status"]))
    assert set(found) == set(fake.exchanges)
    assert {tuple(said) for said in found.values()} <= {
        ((1, "processing"), (2, "completed")), ((1, "completed"),),
    }  # fmt: skip


def known(service: Service) -> set[str]:
    """The operations that are open as far as the service knows, or of which it has published something."""
    open_ones = {row["operation"] for row in service.lines("reconcile", "list")}
    return open_ones | {event["operation_id"] for event in service.lines("tail")}


def settled(service: Service, fake: FakeProvider) -> bool:
    """Whether all that the API says is published."""
    said = service.readyz()
    if said is None or said["kafka"]["state"] != "up" or said["kafka"]["backlog"]:
        return False
    ended = {event["operation_id"] for event in service.lines("tail") if event["terminal"]}
    return ended == set(fake.exchanges)


def test_an_api_that_is_down_costs_the_callbacks_nothing(service: Service, fake: FakeProvider) -> None:
    """A log line, a number and an open circuit; callbacks are answered all the while."""
    fake.answers = [Response(b"<html>secret page</html>", 502)] * 10_000
    service.start()
    service.wait_ready()
    until(lambda: (service.readyz() or {})["reconcile"].get("sources", {}).get("calypso", {}).get("circuit") == "open")
    assert service.post_swap(swap("s-1", "PENDING")) == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{service.admin}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    assert 'receiver_poll_circuit_open{source="calypso"} 1.0' in text
    assert 'receiver_polls_total{answer="down",source="calypso"}' in text
    assert "secret page" not in service.log.read_text()
    assert "reconcile.failed" in service.log.read_text()
    assert service.stop() == 0


def test_once_for_cron(service: Service, fake: FakeProvider) -> None:
    """It asks for all that is open, also where the loop is off; what it learns is published when a service runs."""
    service.start()
    service.wait_ready()
    assert service.stop() == 0
    fake.exchanges["9223372036854775807"] = exchange(9223372036854775807, "COMPLETED", sourceAmount="0.1")
    fake.orders["o-1"] = {"uuid": "o-1", "state": "done"}
    assert service.receiver("track", "orders", "o-1").returncode == 0
    learnt = {row["source"]: row["learnt"] for row in service.lines("reconcile", "once")}
    assert learnt == {"swaps": 0, "calypso": 1, "orders": 1}
    assert {row["source"]: row["learnt"] for row in service.lines("reconcile", "once")}["calypso"] == 0
    assert [name for name, _ in fake.asked].count("order") == 1
    service.start()
    service.wait_ready()
    until(lambda: events(service, "o-1") == [("completed", "poll", True)])
    (event,) = [one for one in service.lines("tail") if one["operation_id"] == "9223372036854775807"]
    assert event["spent"]["amount"] == "0.1"


def test_what_is_tracked_before_the_first_service_is_published_by_it(service: Service, fake: FakeProvider) -> None:
    """A swap is known from its create answer: the journal is made by whoever comes first."""
    fake.swaps["early"] = swap("early", "PROCESSED")
    assert service.receiver("track", "swaps", "early").returncode == 0
    rows = {row["source"]: row["learnt"] for row in service.lines("reconcile", "once")}
    assert rows["swaps"] == 1
    service.start()
    service.wait_ready()
    until(lambda: events(service, "early") == [("completed", "poll", True)])


def test_once_says_what_failed(service: Service, fake: FakeProvider) -> None:
    """Exit 1, with the source and the reason on stderr; the others were asked."""
    service.start()
    service.wait_ready()
    assert service.stop() == 0
    service.environ["FAKE_CALYPSO_SECRET"] = "mistyped-secret"
    fake.swaps["s-1"] = swap("s-1", "PROCESSED")
    assert service.receiver("track", "swaps", "s-1").returncode == 0
    done = service.receiver("reconcile", "once", "--json")
    assert done.returncode == 1
    rows = {row["source"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert (rows["swaps"]["learnt"], rows["calypso"]["failed"]) == (1, 2)
    assert "errorCode 003" in done.stderr
    assert "mistyped-secret" not in done.stdout + done.stderr


def test_overdue_operations_are_listed_and_counted(service: Service, fake: FakeProvider) -> None:
    """Open for longer than ``overdue_s``."""
    service.start()
    service.wait_ready()
    fake.swaps = {"young": swap("young", "PENDING"), "old": swap("old", "WITHDRAWING")}
    assert service.receiver("track", "swaps", "young").returncode == 0
    assert service.receiver("track", "swaps", "old").returncode == 0
    until(lambda: len(events(service, "old")) == 1)
    make_older(service, "old", 61)
    (row,) = service.lines("reconcile", "list", "--overdue")
    assert (row["operation"], row["overdue"], row["state"]) == ("old", True, "open")
    assert {row["operation"] for row in service.lines("reconcile", "list")} == {"young", "old"}
    until(lambda: (service.readyz() or {})["reconcile"]["sources"]["swaps"]["overdue"] == 1)
    until(lambda: "reconcile.overdue" in service.log.read_text())


def make_older(service: Service, operation: str, seconds: int) -> None:
    """As if it had been heard of so long ago."""
    import apsw  # noqa: PLC0415  only here

    connection = apsw.Connection(str(service.folder / "journal" / "requests.db"))
    connection.set_busy_timeout(5000)
    connection.execute(
        "UPDATE watched SET since_us = since_us - ? WHERE operation_id = ?", (seconds * 1_000_000, operation)
    )
    connection.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("track", "0xpay-main", "a"), "has no `poll`"),
        (("track", "nobody", "a"), "has no `poll`"),
        (("track", "calypso", "not-a-number"), "no id of an operation"),
        (("track", "swaps", "a b"), "no id of an operation"),
        (("reconcile", "list"), "there is no journal in"),
    ],
)
def test_what_cannot_be_asked_is_said(service: Service, arguments: tuple[str, ...], says: str) -> None:
    """Exit 1 and one sentence."""
    done = service.receiver(*arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_poll_there_is_nothing_to_ask_and_no_process(tmp_path: Path) -> None:
    """Off by default: exit 2 for who asks, and ``/readyz`` says nothing of it."""
    service = Service(tmp_path / "service", forks=True)
    try:
        done = service.receiver("reconcile", "once")
        assert (done.returncode, "no source has `poll`" in done.stderr) == (2, True)
        service.start()
        service.wait_ready()
        assert service.child("reconcile") is None
        assert "reconcile" not in (service.readyz() or {})
    finally:
        service.destroy()


def test_a_source_that_calls_nobody_back_has_no_url(service: Service) -> None:
    """404, as for a source that is not configured."""
    service.start()
    service.wait_ready()
    assert httpx.post(f"{service.url}/orders", content=b"{}").status_code == 404
    done = service.receiver("check")
    assert done.returncode == 0, done.stderr
    assert "orders  (no URL)" in done.stdout
    assert "asks http://127.0.0.1" in done.stdout
