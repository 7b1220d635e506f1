"""``receiver tail`` and ``topics`` with an outbox on disk and a Kafka in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from receiver.cli import topics
from receiver.cli.context import open_configured
from receiver.model.callback import SIMULATED
from receiver.model.records import Position
from receiver.sandbox.fakes import FakeKafka
from receiver.service import wiring
from tests.cli.desk import Desk
from tests.operate.desk import exchange


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With two events, and one in quarantine between them."""
    desk.take("0xpay-main", [exchange("one"), b"junk", exchange("two")])
    return desk


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    """The Kafka of every command."""
    made = FakeKafka()
    monkeypatch.setattr(wiring, "_open_kafka", lambda *_: made)
    return made


def test_the_outbox_is_shown_from_its_beginning(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events only, over more than one page; the first line that is not of today has its date, and those after it."""
    monkeypatch.setattr(topics, "BATCH", 1)
    assert [row["operation_id"] for row in filled.lines("tail")] == ["one", "two"]
    out, _ = filled.run("tail")
    first, second = out.splitlines()
    assert first.startswith("2024-05-27 08:55:30 0xpay-main ")
    assert second.startswith("08:55:32 0xpay-main "), "of the same day"
    assert [line.removeprefix("2024-05-27 ").split()[2:5] for line in (first, second)] == [
        ["completed", "#1", "exchange"], ["completed", "#1", "exchange"],
    ]  # fmt: skip


def test_whoever_follows_sees_what_comes_and_ends_it(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is its proper end; without ``--follow`` it is an interruption."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > 1:
            raise KeyboardInterrupt
        filled.take("0xpay-main", [exchange("three")])

    monkeypatch.setattr("receiver.cli.topics.time.sleep", nap)
    monkeypatch.setattr("receiver.cli.topics.signal.signal", lambda *_: None)

    def followed(*options: str) -> list[str]:
        naps.clear()
        rows = filled.run("tail", "--follow", *options, "--json")[0].splitlines()
        return [json.loads(row)["operation_id"] for row in rows]

    assert followed() == ["three"], "from now on"
    filled.take("0xpay-main", [exchange("four")])
    naps.append(0.0)
    assert followed("-n", "2") == ["three", "four"]
    assert followed("--since", "2024-01-01T00:00:00Z") == ["one", "two", "three", "four"]

    def interrupt(*_: Any) -> Iterator[bytes]:
        raise KeyboardInterrupt

    monkeypatch.setattr(topics, "write_line", interrupt)
    filled.run("tail", "--json", code=130)


def test_the_newest_are_shown_and_what_is_chosen(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first all the same; over many pages and looks back."""
    monkeypatch.setattr(topics, "BATCH", 1)
    filled.take("0xpay-main", [exchange("three", status="Pending"), b"junk"])

    def shown(*options: str) -> list[str]:
        return [row["operation_id"] for row in filled.lines("tail", *options)]

    assert shown("-n", "2") == ["two", "three"]
    assert shown("-n", "0") == []
    assert shown("-n", "9") == ["one", "two", "three"]
    assert shown("--status", "completed") == ["one", "two"]
    assert shown("--status", "completed", "-n", "1") == ["two"]
    assert shown("--source", "swaps") == shown("--since", "1h") == []
    assert "'nope' is not one of 0xpay-main, swaps" in filled.fails("tail", "--source", "nope", code=2)
    assert "not with --kafka" in filled.fails("tail", "--kafka", "-n", "1", code=2)
    assert "not with --kafka" in filled.fails("tail", "--kafka", "--effective", "no", code=2)
    assert "one of them" in filled.fails("tail", "--follow", "--until", "2024-05-27T08:55:30Z", code=2)


def test_it_chooses_by_what_events_say(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their anomalies, whether they count, what moved; the newest so many of those, and nothing where none is so."""
    monkeypatch.setattr(topics, "BATCH", 1)
    filled.take("0xpay-main", [exchange("one", status="Pending"), exchange("three", spendAmount="7.50")])

    def shown(*options: str) -> list[tuple[str, int]]:
        return [(row["operation_id"], row["sequence"]) for row in filled.lines("tail", *options)]

    assert shown("--anomaly", "late") == shown("--effective", "no") == [("one", 2)]
    assert shown("--effective", "yes") == [("one", 1), ("two", 1), ("three", 1)]
    assert shown("--effective", "yes", "-n", "2") == [("two", 1), ("three", 1)]
    assert shown("--amount", "7.5") == shown("--operation", "three") == [("three", 1)]
    assert shown("--observed-via", "poll") == shown("--anomaly", "conflict", "-n", "5") == []
    assert shown("--until", "2024-05-27T08:55:31Z") == [("one", 1), ("one", 2)]


def test_topics_are_read_with_where_each_event_lies(filled: Desk, cluster: FakeKafka) -> None:
    """What is in quarantine is on no status topic; what was simulated says so."""
    filled.take("0xpay-main", [exchange("three")], more=((SIMULATED, b"1"),))

    async def publish() -> None:
        journal = open_configured(filled.config).context.journal
        with closing(journal.outbox()) as outbox:
            records = outbox.read(0, 10)
        publisher = cluster.publisher(journal.journal_id)
        await publisher.connect()
        for record in records:
            await publisher.publish(cluster.route(record, journal.journal_id), Position(record.number, "x"))

    asyncio.run(publish())
    assert [row["operation_id"] for row in filled.lines("tail", "--kafka")] == ["one", "two", "three"]
    out, _ = filled.run("tail", "--kafka")
    places = [line.split() for line in out.splitlines()[::2]]
    assert [place[0] for place in places] == [f"exchange.status.v1[0]@{offset}" for offset in range(3)]
    assert [place[2:] for place in places] == [[], [], ["simulated"]]


def test_missing_topics_are_made_and_the_others_left(desk: Desk, cluster: FakeKafka) -> None:
    """Safe to repeat."""
    cluster.missing = {"exchange.status.v1"}
    made = {row["topic"]: row["state"] for row in desk.lines("topics", "create")}
    assert {topic for topic, state in made.items() if state == "created"} == {"exchange.status.v1"}
    assert set(made) == set(cluster.all_topics)
    out, _ = desk.run("topics", "create")
    assert "created" not in out
    assert "receiver.positions" in out
