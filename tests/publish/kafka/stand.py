"""A journal of the test's own on a real broker: its topics, its publisher, and what a consumer sees."""

from __future__ import annotations

from collections.abc import Sequence

from kafka_local import LocalKafka

from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics
from receiver.publish.ports import Message
from receiver.publish.routing import record_number
from tests.chaos.oracle import committed


def publisher(broker: LocalKafka, prefix: str, *, transactional: bool = True) -> KafkaPublisher:
    """A publisher for the test's own journal."""
    return KafkaPublisher(
        client_options([broker.bootstrap], {}),
        journal_id=f"{prefix}journal",
        positions_topic=f"{prefix}receiver.positions",
        topics=[f"{prefix}events"],
        number_of=lambda headers: record_number(headers, f"{prefix}journal"),
        transactional=transactional,
        transaction_timeout_s=30,
    )


async def make_topics(broker: LocalKafka, prefix: str, configs: dict[str, str] | None = None) -> str:
    """The events topic and the positions topic; gives the first's name."""
    topic = f"{prefix}events"
    specs = [
        TopicSpec(topic, 3, 1, configs or {}),
        TopicSpec(f"{prefix}receiver.positions", 1, 1, POSITIONS_CONFIGS, "positions"),
    ]
    await create_topics(client_options([broker.bootstrap], {}), specs)
    return topic


def messages(topic: str, records: Sequence[int], size: int = 10) -> list[Message]:
    """One message a record, of a size."""
    return [Message(topic, b"k%d" % (n % 7), b'"%d:%s"' % (n, b"x" * size), (("h", b"\xff"),), n) for n in records]


def numbers(broker: LocalKafka, topic: str) -> list[int]:
    """The records that a ``read_committed`` consumer sees, sorted."""
    return sorted(int(str(seen.value).partition(":")[0]) for seen in committed(broker.bootstrap, topic))
