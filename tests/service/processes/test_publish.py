"""The publish process on a journal of files, with a Kafka in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.model.errors import ConfigurationError, KafkaUnavailable, RecordRefused
from receiver.model.operation import OperationState, Seen
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Position
from receiver.publish import relay
from receiver.publish.ports import Message, Spread
from receiver.sandbox.fakes import FakeKafka, FakePublisher
from receiver.service.config.settings import Settings, build
from receiver.service.processes import publish
from receiver.service.processes.publish import PublishProcess
from tests.support import Lines

KEY = "0xpay:m:exchange:op"
STATE = OperationState(1, "Done", 1, terminal=True, updated_at=None, arrival=1, event_id="id-1", revisions={"Done": 1})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a test's length."""
    for name in ("RETRY_MIN_S", "RETRY_MAX_S", "PROBE_S", "PROBE_DOWN_S"):
        monkeypatch.setattr(relay, name, 0.01)


def settings(folder: Path) -> Settings:
    """A configuration whose journal lies in a folder."""
    source = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
    return build({"journal": {"url": f"sqlite:{folder}"}, "sources": [source]}, "a file")


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    """A journal with one event that nobody has published yet."""
    made = open_journal(tmp_path / "journal")
    outbox = SqliteOutbox.open(made.folder)
    record = OutboxRecord(
        1, "event", "id-1", "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=1, traceparent=None,
        value=b'{"sequence":1}',
    )  # fmt: skip
    outcomes = [Outcome("inbox", 1, "event", 1, KEY)]
    outbox.commit(OutboxBatch([record], outcomes, {KEY: STATE}, [(KEY, Seen("id-1", b"d" * 32, 1))]))
    outbox.close()
    return made


@asynccontextmanager
async def running(journal: SqliteJournal, kafka: FakeKafka) -> AsyncIterator[PublishProcess]:
    """The process, for the body's time."""
    process = PublishProcess(settings(journal.folder), kafka, {}, journal, Lines())
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        process.stop()
        await asyncio.wait_for(task, 60)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for at most a minute."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


async def test_what_is_in_the_outbox_goes_out_and_readyz_says_how_far(journal: SqliteJournal) -> None:
    """Under the journal's own id; Kafka's part of ``/readyz`` has these keys and no others."""
    kafka = FakeKafka()
    async with running(journal, kafka) as process:
        assert process.status()["state"] == "down"
        assert process.status()["detail"] == "not connected yet"
        assert process.status()["backlog"] == 1
        await until(lambda: process.status()["state"] == "up" and process.status()["backlog"] == 0)
        assert process.status() == {"state": "up", "backlog": 0, "detail": None, "position": 1, "backlog_age_s": 0.0}
        assert b"receiver_kafka_up 1.0" in process.metrics()
    assert kafka.positions == {journal.journal_id: Position(1, "id-1")}
    assert dict(kafka.messages[0].headers)["receiver-position"] == f"{journal.journal_id}:1".encode()


async def test_while_kafka_is_away_readyz_says_why_and_how_much_waits(journal: SqliteJournal) -> None:
    """The backlog has an age, so that somebody can be told of it."""
    kafka = FakeKafka(fail=[KafkaUnavailable("no broker answers")] * 100_000)
    async with running(journal, kafka) as process:
        await until(lambda: process.status()["detail"] == "no broker answers")
        said = process.status()
        assert (said["state"], said["backlog"], said["position"]) == ("down", 1, 0)
        assert said["backlog_age_s"] > 0
        assert b"receiver_backlog 1.0" in process.metrics()
        kafka.fail.clear()
        await until(lambda: process.status()["state"] == "up")


async def test_a_journal_that_does_not_fit_is_stopped(journal: SqliteJournal) -> None:
    """What Kafka remembers under this journal's id is held against this journal's outbox."""
    kafka = FakeKafka(positions={journal.journal_id: Position(9, "id-9"), "another": Position(1, "id-1")})
    async with running(journal, kafka) as process:
        await until(lambda: process.status()["state"] == "stopped")
        assert "older copy of the journal" in process.status()["detail"]
    assert kafka.messages == []


class Narrow(FakeKafka):
    """A Kafka that takes no event."""

    def publisher(self, journal_id: str, spread: Spread | None = None) -> FakePublisher:
        del spread
        return NarrowPublisher(self, journal_id)


class NarrowPublisher(FakePublisher):
    """Refuses what a broker would call too large."""

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        if any(message.topic == "exchange.status.v1" for message in messages):
            raise RecordRefused(messages[0].record, "MessageSizeTooLargeError")
        await super().publish(messages, position)


async def test_a_record_that_kafka_refuses_is_replaced_in_the_journal(journal: SqliteJournal) -> None:
    """Its quarantine record goes out in its place, under the callback's number although the callback is gone."""
    kafka = Narrow()
    async with running(journal, kafka) as process:
        await until(lambda: process.status()["backlog"] == 0)
        assert b'receiver_refused_total{source="main"} 1.0' in process.metrics()
    (message,) = kafka.messages
    assert message.topic == "webhook.quarantine.v1"
    said = orjson.loads(message.value)
    assert (said["reason"], said["quarantine_id"]) == ("too_large_for_broker", "1")
    outbox = SqliteOutbox.open(journal.folder, read_only=True)
    assert outbox.record_id(1) == "1"
    outbox.close()


async def test_a_changed_partition_count_is_said_while_records_go_through(journal: SqliteJournal) -> None:
    """In ``/readyz`` and as a metric, until a person has accepted it in the journal."""
    topic = "exchange.status.v1"
    kafka = FakeKafka()
    async with running(journal, kafka) as process:
        await until(lambda: process.status()["backlog"] == 0)
        kafka.partitions[topic] = 6
        await until(lambda: process.status()["detail"] is not None)
        said = process.status()
        assert said["state"] == "up"
        assert said["detail"].startswith(f"topic {topic} has 6 partitions, and its keys go over 1: ")
        assert f'receiver_topic_partitions_changed{{topic="{topic}"}} 5.0'.encode() in process.metrics()
        command = SqliteOutbox.open(journal.folder)
        command.note_topic_partitions(kafka.cluster_id, {topic: 6})
        command.close()
        await until(lambda: process.status()["detail"] is None)
        assert b"receiver_topic_partitions_changed{" not in process.metrics()


async def test_a_topic_made_anew_with_fewer_partitions_is_said_once(journal: SqliteJournal) -> None:
    """It is ``down``, with what to do, and goes on by itself once that is done."""
    topic = "exchange.status.v1"
    outbox = SqliteOutbox.open(journal.folder)
    outbox.note_topic_partitions("fake-cluster", {topic: 3})
    kafka = FakeKafka()
    async with running(journal, kafka) as process:
        await until(lambda: "made anew with fewer" in (process.status()["detail"] or ""))
        said = process.status()
        assert (said["state"], said["backlog"]) == ("down", 1)
        assert said["detail"].count("made anew with fewer") == 1
        outbox.note_topic_partitions("fake-cluster", {topic: 1})
        await until(lambda: process.status()["backlog"] == 0 and process.status()["state"] == "up")
    outbox.close()


async def test_after_a_reload_the_next_session_has_the_new_options(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not when the old one breaks. What cannot be read leaves the old ones."""
    monkeypatch.setattr(publish, "sources_for", lambda _settings, _environ, _role: {})
    old = FakeKafka()
    new = FakeKafka(positions=old.positions)
    async with running(journal, old) as process:
        await until(lambda: process.status()["backlog"] == 0)
        with pytest.raises(ConfigurationError):
            process.reload({})
        await asyncio.sleep(0.05)
        assert new.epochs == {}
        monkeypatch.setattr(publish, "need_kafka", lambda _settings, _environ: new)
        process.reload({})
        await until(lambda: new.epochs[journal.journal_id] > 0)
        await until(lambda: process.status()["state"] == "up")
