"""Kafka as it is: a real broker, killed and restarted; what is aborted, missing, too large; topics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka_local import LocalKafka, running

from receiver.model.errors import ConfigurationError, KafkaUnavailable, ReceiverError, RecordRefused
from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.tail import tail
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics, missing_topics
from receiver.publish.ports import Message
from receiver.publish.routing import record_number
from tests.chaos.oracle import committed

pytestmark = pytest.mark.kafka


def publisher(broker: LocalKafka, prefix: str, *, transactional: bool = True) -> KafkaPublisher:
    """A publisher for the test's own journal."""
    return KafkaPublisher(
        client_options([broker.bootstrap], {}),
        journal_id=f"{prefix}journal",
        positions_topic=f"{prefix}receiver.positions",
        topics=[f"{prefix}events"],
        number_of=lambda headers: record_number(headers, f"{prefix}journal"),
        transactional=transactional,
        transaction_timeout_s=5,
    )


async def make_topics(broker: LocalKafka, prefix: str, configs: dict[str, str] | None = None) -> str:
    """The events topic and the positions topic; gives the first's name."""
    topic = f"{prefix}events"
    specs = [TopicSpec(topic, 3, 1, configs or {}), TopicSpec(f"{prefix}receiver.positions", 1, 1, POSITIONS_CONFIGS)]
    await create_topics(client_options([broker.bootstrap], {}), specs)
    return topic


def messages(topic: str, records: Sequence[int], size: int = 10) -> list[Message]:
    """One message a record, of a size."""
    return [Message(topic, b"k%d" % (n % 7), b'"%d:%s"' % (n, b"x" * size), (("h", b"\xff"),), n) for n in records]


def numbers(broker: LocalKafka, topic: str) -> list[int]:
    """The records that a ``read_committed`` consumer sees, sorted."""
    return sorted(int(str(seen.value).partition(":")[0]) for seen in committed(broker.bootstrap, topic))


async def test_an_aborted_transaction_is_seen_by_nobody(
    kafka: LocalKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything sent, the position not: the whole batch is gone, and the next producer repeats it."""
    topic = await make_topics(kafka, prefix)
    first = publisher(kafka, prefix)
    await first.connect()

    async def crash(*_: object) -> None:
        raise OSError("as if the power had gone")

    monkeypatch.setattr(first, "_send_position", crash)
    with pytest.raises(KafkaUnavailable):
        await first.publish(messages(topic, range(1, 50)), Position(49, "id-49"))
    await first.close()
    second = publisher(kafka, prefix)
    assert (await second.connect()).position is None
    await second.publish(messages(topic, range(1, 50)), Position(49, "id-49"))
    await second.close()
    assert numbers(kafka, topic) == list(range(1, 50))


async def test_an_open_transaction_of_a_dead_relay_is_ended_by_the_next(kafka: LocalKafka, prefix: str) -> None:
    """No waiting for its timeout: starting the producer ends it."""
    topic = await make_topics(kafka, prefix)
    dead = publisher(kafka, prefix)
    await dead.connect()
    assert dead._producer is not None
    await dead._producer.begin_transaction()
    await dead._send_all(dead._producer, messages(topic, [1, 2]))
    await dead._send_position(dead._producer, Position(2, "id-2"))
    new = publisher(kafka, prefix)
    assert (await asyncio.wait_for(new.connect(), 10)).position is None
    await new.publish(messages(topic, [1]), Position(1, "id-1"))
    await new.close()
    await dead.close()
    assert numbers(kafka, topic) == [1]


@pytest.mark.parametrize("missing", ["events", "receiver.positions"])
async def test_a_missing_topic_is_named_at_once(kafka: LocalKafka, prefix: str, missing: str) -> None:
    """No send waits for metadata that never comes; the message says what makes it."""
    options = client_options([kafka.bootstrap], {})
    other = {"events": "receiver.positions", "receiver.positions": "events"}[missing]
    await create_topics(options, [TopicSpec(f"{prefix}{other}", 1, 1)])
    one = publisher(kafka, prefix)
    with pytest.raises(KafkaUnavailable, match=f"topic {prefix}{missing} is missing; `receiver topics create`"):
        async with asyncio.timeout(10):
            await one.connect()
            await one.publish(messages(f"{prefix}events", [1]), Position(1, "id-1"))
    await one.close()


async def test_a_record_too_large_for_the_broker_is_named_and_the_rest_can_go_on(
    kafka: LocalKafka, prefix: str
) -> None:
    """The broker's own limit, lower than ours: the record is named, nothing of the batch is seen."""
    topic = await make_topics(kafka, prefix, {"max.message.bytes": "20000"})
    one = publisher(kafka, prefix)
    await one.connect()
    batch = [*messages(topic, [1]), *messages(topic, [2], size=50_000), *messages(topic, [3])]
    with pytest.raises(RecordRefused) as refused:
        await one.publish(batch, Position(3, "id-3"))
    assert refused.value.record == 2
    await one.close()
    again = publisher(kafka, prefix)
    assert (await again.connect()).position is None
    await again.publish([batch[0], batch[2]], Position(3, "id-3"))
    await again.close()
    assert numbers(kafka, topic) == [1, 3]


async def test_without_transactions_the_position_follows_the_records(kafka: LocalKafka, prefix: str) -> None:
    """``at_least_once``: the same records, the same position topic."""
    topic = await make_topics(kafka, prefix)
    one = publisher(kafka, prefix, transactional=False)
    assert (await one.connect()).position is None
    await one.publish(messages(topic, [1, 2]), Position(2, "id-2"))
    await one.close()
    two = publisher(kafka, prefix, transactional=False)
    assert (await two.connect()).position == Position(2, "id-2")
    await two.close()
    assert numbers(kafka, topic) == [1, 2]


async def test_a_broker_killed_and_restarted_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """SIGKILL in the middle of traffic: drop the producer, ask Kafka, go on."""
    with running(tmp_path / "kafka") as broker:
        topic = await make_topics(broker, "k.")
        published, last, crashes = 0, 400, 0
        while published < last:
            one = publisher(broker, "k.")
            try:
                memory = await one.connect()
                published = memory.position.number if memory.position else 0
                while published < last:
                    batch = range(published + 1, min(published + 20, last) + 1)
                    if published >= 100 * (crashes + 1) and crashes < 2:
                        crashes += 1
                        broker.kill()
                        broker.start()
                    async with asyncio.timeout(30):
                        await one.publish(messages(topic, batch), Position(batch[-1], f"id-{batch[-1]}"))
                    published = batch[-1]
            except (ReceiverError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                await one.close()
        assert crashes == 2
        assert numbers(broker, topic) == list(range(1, last + 1))


async def test_topics_are_made_once_and_never_repartitioned(kafka: LocalKafka, prefix: str) -> None:
    """Safe to repeat; another partition count is refused, since it would break the order per key."""
    options = client_options([kafka.bootstrap], {})
    specs = [TopicSpec(f"{prefix}a", 3, 1), TopicSpec(f"{prefix}b", 1, 1, POSITIONS_CONFIGS)]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == [f"{prefix}a", f"{prefix}b"]
    assert await create_topics(options, specs) == [(f"{prefix}a", "created"), (f"{prefix}b", "created")]
    assert await create_topics(options, specs) == [(f"{prefix}a", "exists"), (f"{prefix}b", "exists")]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == []
    with pytest.raises(ReceiverError, match=f"topic {prefix}a has 3 partitions, not 6"):
        await create_topics(options, [TopicSpec(f"{prefix}a", 6, 1), TopicSpec(f"{prefix}c", 1, 1)])
    assert await missing_topics(options, [f"{prefix}c"]) == [f"{prefix}c"]


async def test_an_impossible_replication_is_refused_with_its_reason(kafka: LocalKafka, prefix: str) -> None:
    """Three copies on one broker."""
    options = client_options([kafka.bootstrap], {})
    with pytest.raises(ReceiverError, match=f"topic {prefix}a: .*[Rr]eplication"):
        await create_topics(options, [TopicSpec(f"{prefix}a", 1, 3)])


async def test_tail_shows_what_is_committed_and_ends(kafka: LocalKafka, prefix: str) -> None:
    """In offset order within a partition; headers and all; a topic that is not there is left out."""
    topic = await make_topics(kafka, prefix)
    one = publisher(kafka, prefix)
    await one.connect()
    await one.publish(messages(topic, range(1, 30)), Position(29, "id-29"))
    await one.close()
    options = client_options([kafka.bootstrap], {})
    seen = [record async for record in tail(options, [topic, f"{prefix}nowhere"], follow=False)]
    assert sorted(int(record.value.strip(b'"').partition(b":")[0]) for record in seen) == list(range(1, 30))
    for partition in range(3):
        offsets = [record.offset for record in seen if record.partition == partition]
        assert offsets == sorted(offsets)
    assert seen[0].headers == (("h", b"\xff"),)


async def test_no_broker_is_said_in_one_sentence() -> None:
    """Not a traceback."""
    with pytest.raises(KafkaUnavailable, match="no broker answers"):
        await missing_topics(client_options(["127.0.0.1:1"], {}), ["a"])


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ({"nonsense": 1}, "kafka.client.nonsense: no such option"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nowhere.pem"}, "the certificates cannot be used"),
    ],
)
def test_client_options_that_cannot_be(client: dict[str, Any], says: str) -> None:
    """Named by key, before anything connects."""
    with pytest.raises(ConfigurationError, match=says):
        client_options(["a:1"], client)


def test_sasl_and_tls_are_passed_through() -> None:
    """As configured, certificates loaded."""
    sasl = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "u"}
    options = client_options(["a:1"], {**sasl, "sasl_plain_password": "p"})
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["ssl_context"].check_hostname
