"""What a clock, a quota or a topic's limit does to the publisher and the relay, on a real broker.

Nothing here is a record's fault but its size: all else is said, waited for, and leaves every record as it is.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.errors import KafkaUnavailable, RecordRefused
from receiver.model.records import OutboxBatch, OutboxRecord, Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.record_batches import RecordBatch
from receiver.publish.kafka.scan import reader
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics
from receiver.publish.metrics import PublishMetrics
from receiver.publish.ports import Memory
from receiver.publish.refused import refused
from receiver.publish.relay import Relay
from receiver.service.system_clock import SystemClock
from tests.chaos.oracle import committed
from tests.publish.kafka.guarded import (
    CERTIFICATES,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    PREFIXED,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
    GuardedKafka,
    grant,
    guarded_kafka,
    login,
    throttle,
)
from tests.publish.kafka.stand import make_topics, messages, numbers, publisher
from tests.support import Lines

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """One broker for all of it, since quotas are its own."""
    with guarded_kafka(tmp_path_factory.mktemp("world") / "kafka") as kafka:
        yield kafka


def off_by(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """As if this machine's clock were off when records are put into batches."""
    before = RecordBatch.add

    def add(self: RecordBatch, message: object) -> bool:
        append = self.builder.append

        def later(*, timestamp: object, **rest: object) -> object:
            del timestamp
            return append(timestamp=int((time.time() + seconds) * 1000), **rest)

        self.builder.append = later
        try:
            return before(self, message)  # type: ignore[arg-type]
        finally:
            self.builder.append = append

    monkeypatch.setattr(RecordBatch, "add", add)


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize(
    ("seconds", "configs", "says"),
    [
        (7200, {}, "ahead of"),
        (5, {"message.timestamp.after.max.ms": "1000"}, "ahead of"),
        (-30, {"message.timestamp.before.max.ms": "10000"}, "behind"),
    ],
)
async def test_a_refused_timestamp_names_the_topic_the_timestamp_and_how_far_off_the_clock_is(
    broker: GuardedKafka,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    configs: dict[str, str],
    says: str,
    transactional: bool,  # noqa: FBT001
) -> None:
    """It condemns no record; once the clock is right, the same records go out."""
    topic = await make_topics(broker.broker, prefix, configs)
    one = publisher(broker.broker, prefix, transactional=transactional)
    await one.connect()
    with monkeypatch.context() as patch:
        off_by(patch, seconds)
        with pytest.raises(KafkaUnavailable) as raised:
            await one.publish(messages(topic, [1, 2]), Position(2, "id-2"))
    await one.close()
    found = re.fullmatch(
        rf"Kafka refuses our timestamps: this clock is off by ([\d.]+) s \({says} the broker's\); topic {topic} "
        r"refused the timestamp 20\d\d-\d\d-\d\dT[\d:.]+Z, its limits? .*",
        str(raised.value),
    )
    assert found, str(raised.value)
    assert float(found[1]) == pytest.approx(abs(seconds), abs=2)
    two = publisher(broker.broker, prefix, transactional=transactional)
    assert (await two.connect()).position is None
    await two.publish(messages(topic, [1, 2]), Position(2, "id-2"))
    await two.close()
    assert numbers(broker.broker, topic) == [1, 2]


async def test_a_batch_too_large_for_a_topic_is_made_smaller_and_a_record_too_large_is_named_at_once(
    broker: GuardedKafka, prefix: str
) -> None:
    """What the topic takes is known beforehand: many records that fit go out whole, one that does not is alone."""
    topic = await make_topics(broker.broker, prefix, {"max.message.bytes": "20000"})
    one = publisher(broker.broker, prefix)
    await one.connect()
    await one.publish(messages(topic, range(1, 301), size=1000), Position(300, "id-300"))
    with pytest.raises(RecordRefused) as raised:
        await one.publish(
            [*messages(topic, [301, 302]), *messages(topic, [303], size=30_000), *messages(topic, [304])],
            Position(304, "id-304"),
        )
    assert (raised.value.record, raised.value.alone) == (303, True)
    assert topic in raised.value.why
    await one.close()
    assert numbers(broker.broker, topic) == list(range(1, 301))


async def test_a_position_that_is_refused_for_its_size_condemns_nothing(broker: GuardedKafka, prefix: str) -> None:
    """No record is to blame, and none would be smaller: it is said which topic it is."""
    await make_topics(broker.broker, prefix)
    options, positions = broker.open, f"{prefix}small.positions"
    await create_topics(options, [TopicSpec(positions, 1, 1, POSITIONS_CONFIGS | {"max.message.bytes": "60"})])
    one = publisher(broker.broker, prefix)
    one._positions = positions
    await one.connect()
    with pytest.raises(KafkaUnavailable, match=rf"topic {positions} refuses the position"):
        await one.publish(messages(f"{prefix}events", [1]), Position(1, "id-1"))
    await one.close()


def event(number: int, size: int) -> OutboxRecord:
    """An event with a value of a size."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", f"op-{number}", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None,
        value=orjson.dumps({"sequence": 1, "number": number, "meta": "x" * size}),
    )  # fmt: skip


class Stage:
    """A relay on a real broker."""

    def __init__(self, cluster: KafkaCluster, journal_id: str) -> None:
        self.outbox, self.log = MemoryOutbox(), Lines()
        self.relay = Relay(
            outbox=self.outbox,
            make_publisher=partial(cluster.publisher, journal_id),
            route=partial(cluster.route, journal_id=journal_id),
            refused=lambda one, why: refused(one, None, why, frozenset()),
            topics=cluster.event_topics,
            transaction_timeout_s=cluster.transaction_timeout_s,
            clock=SystemClock(),
            log=self.log,
            metrics=PublishMetrics(),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for the body's time."""
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            self.relay.stop()
            await asyncio.wait_for(task, 60)

    async def until(self, holds: Callable[[], bool], wait_s: float) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(wait_s):
            while not holds():
                await asyncio.sleep(0.05)


async def written(cluster: KafkaCluster, topics: list[str]) -> int:
    """Offsets used on topics, of what was aborted too; the marks of transactions apart."""
    total = 0
    async with reader(cluster.options, committed=False) as consumer:
        for topic in topics:
            partitions = [TopicPartition(topic, one) for one in range(cluster.partitions)]
            ends = await consumer.end_offsets(partitions)
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            while any([await consumer.position(one) < ends[one] for one in partitions]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    total += len(records)
    return total


@pytest.mark.long(seconds=200)
@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_a_backlog_drains_at_the_quotas_pace(broker: GuardedKafka, prefix: str, delivery: str) -> None:
    """Each record once, hardly any in vain, and up is said again as soon as records go through."""
    options = {**broker.open, "client_id": f"{prefix}receiver"}
    cluster = KafkaCluster(options, topic_prefix=prefix, partitions=6, delivery=delivery)
    await cluster.create_topics()
    await throttle(broker, {"client-id": f"{prefix}receiver"}, 64_000)
    stage = Stage(cluster, f"{prefix}journal")
    count, size = 1500, 2000
    stage.outbox.commit(OutboxBatch(records=[event(number, size) for number in range(1, count + 1)]))
    began_s = time.monotonic()
    ups: list[bool] = []
    async with stage.running():
        async with asyncio.timeout(150):
            while stage.relay.state.position.number < count:
                ups.append(stage.relay.state.word == "up")
                await asyncio.sleep(0.1)
    took_s = time.monotonic() - began_s
    assert took_s < 2 * count * size / 64_000
    seen = [one.value["number"] for one in committed(broker.broker.bootstrap, f"{prefix}exchange.status.v1")]
    assert sorted(seen) == list(range(1, count + 1))
    assert await written(cluster, [f"{prefix}exchange.status.v1"]) <= 1.2 * count
    assert not stage.log.named("relay.record_refused")
    assert sum(ups) > len(ups) / 2


@pytest.mark.long(seconds=200)
async def test_a_quota_that_comes_while_large_batches_go_out_is_waited_for(
    broker: GuardedKafka, prefix: str, tmp_path: Path
) -> None:
    """What was begun may be written in vain once; after that batches fit."""
    del tmp_path
    options = {**broker.open, "client_id": f"{prefix}receiver"}
    cluster = KafkaCluster(options, topic_prefix=prefix, partitions=6)
    await cluster.create_topics()
    stage = Stage(cluster, f"{prefix}journal")
    stage.outbox.commit(OutboxBatch(records=[event(number, 2000) for number in range(1, 6001)]))
    async with stage.running():
        await stage.until(lambda: stage.relay.state.position.number >= 6000, 60)
        await throttle(broker, {"client-id": f"{prefix}receiver"}, 64_000)
        await asyncio.sleep(12)
        stage.outbox.commit(OutboxBatch(records=[event(number, 2000) for number in range(6001, 7501)]))
        stage.relay.wake()
        await stage.until(lambda: stage.relay.state.position.number >= 7500, 150)
    assert await written(cluster, [f"{prefix}exchange.status.v1"]) <= 6000 + 1.5 * 1500


async def connected(cluster: KafkaCluster, journal_id: str) -> tuple[KafkaPublisher, Memory]:
    """A publisher that is in, and what it found there; what was granted is in force only a moment later."""
    async with asyncio.timeout(60):
        while True:
            made = cluster.publisher(journal_id)
            try:
                return made, await made.connect()
            except KafkaUnavailable:
                await made.close()


async def test_tls_with_a_login_publishes_as_any_other_way(broker: GuardedKafka, prefix: str) -> None:
    """The whole way on a listener that wants both: topics are looked at, records sent, their position read again."""
    await KafkaCluster(broker.open, topic_prefix=prefix).create_topics()
    await grant(broker, TRANSACTIONAL_ID, f"receiver-{prefix}", [WRITE, DESCRIBE], pattern=PREFIXED)
    await grant(broker, TOPIC, prefix, [READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS], pattern=PREFIXED)
    client = {**login(), "security_protocol": "SASL_SSL", "ssl_cafile": str(CERTIFICATES / "authority.pem")}
    cluster = KafkaCluster(client_options([broker.secure], client), topic_prefix=prefix)
    topic = f"{prefix}exchange.status.v1"
    found: list[int | None] = []
    for first in (1, 4):
        made, memory = await connected(cluster, f"{prefix}journal")
        found.append(None if memory.position is None else memory.position.number)
        try:
            await made.publish(messages(topic, [first, first + 1, first + 2]), Position(first + 2, f"id-{first + 2}"))
        finally:
            await made.close()
    assert found == [None, 3]
    assert numbers(broker.broker, topic) == [1, 2, 3, 4, 5, 6]


async def test_a_broker_of_an_unknown_authority_is_named_so(broker: GuardedKafka, prefix: str) -> None:
    """The listener as it is, and a client that does not know who signed its certificate."""
    client = {**login(), "security_protocol": "SASL_SSL"}
    cluster = KafkaCluster(client_options([broker.secure], client), topic_prefix=prefix)
    made = cluster.publisher(f"{prefix}journal")
    try:
        with pytest.raises(KafkaUnavailable, match="signed by an authority that is not known here"):
            await made.connect()
    finally:
        await made.close()


async def test_a_transaction_that_ends_between_two_sends_is_told_by_its_reason(
    broker: GuardedKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access is denied before the position is sent: the client then says only that there is no transaction."""
    await KafkaCluster(broker.open, topic_prefix=prefix).create_topics()
    await grant(broker, TRANSACTIONAL_ID, f"receiver-{prefix}", [WRITE, DESCRIBE], pattern=PREFIXED)
    await grant(broker, TOPIC, prefix, [READ, DESCRIBE], pattern=PREFIXED)
    await grant(broker, TOPIC, f"{prefix}receiver.positions", [WRITE])
    add = KafkaPublisher._add

    async def late(self: KafkaPublisher, producer: AIOKafkaProducer, position: Position) -> asyncio.Future[object]:
        await asyncio.sleep(1)
        return await add(self, producer, position)

    monkeypatch.setattr(KafkaPublisher, "_add", late)
    cluster = KafkaCluster(broker.options(), topic_prefix=prefix)
    made, _ = await connected(cluster, f"{prefix}journal")
    topic = f"{prefix}exchange.status.v1"
    try:
        with pytest.raises(KafkaUnavailable, match=f"this client lacks an ACL.*{re.escape(topic)}"):
            await made.publish(messages(topic, [1]), Position(1, "id-1"))
    finally:
        await made.close()


async def test_a_topic_that_may_not_be_written_is_down_and_asked_ever_less_often(
    broker: GuardedKafka, prefix: str
) -> None:
    """Each session begins well, and proves nothing; once access is granted the backlog drains."""
    await KafkaCluster(broker.open, topic_prefix=prefix).create_topics()
    await grant(broker, TRANSACTIONAL_ID, f"receiver-{prefix}", [WRITE, DESCRIBE], pattern=PREFIXED)
    await grant(broker, TOPIC, prefix, [READ, DESCRIBE], pattern=PREFIXED)
    await grant(broker, TOPIC, f"{prefix}receiver.positions", [WRITE])
    stage = Stage(KafkaCluster(broker.options(), topic_prefix=prefix), f"{prefix}journal")
    stage.outbox.commit(OutboxBatch(records=[event(number, 10) for number in (1, 2, 3)]))
    topic = f"{prefix}exchange.status.v1"
    async with stage.running():
        await asyncio.sleep(12)
        assert topic in stage.relay.state.detail
        assert len(stage.log.named("relay.connected")) <= 8
        assert not stage.log.named("relay.kafka_up")
        await grant(broker, TOPIC, topic, [WRITE])
        await stage.until(lambda: stage.relay.state.position.number == 3, 30)
        assert stage.relay.state.word == "up"
    assert not stage.log.named("relay.record_refused")
