"""Where events lie on a real broker of several partitions; the rest of it is in ``tests/contract/publish``."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from kafka_local import LocalKafka

from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.find import find
from receiver.publish.kafka.tail import tail
from receiver.publish.ports import Message
from tests.publish.kafka.stand import make_topics, messages, publisher

pytestmark = pytest.mark.kafka


def marked(message: Message) -> Message:
    """With the header that it is found by."""
    return replace(message, headers=(("receiver-position", b"j:%d" % message.record),))


async def test_each_is_found_in_the_partition_of_its_key(kafka: LocalKafka, prefix: str) -> None:
    """What lies on a topic that is not there, or was never sent, is left out."""
    topic = await make_topics(kafka, prefix)
    sent = [marked(message) for message in messages(topic, range(1, 20))]
    one = publisher(kafka, prefix)
    await one.connect()
    await one.publish(sent, Position(19, "id-19"))
    await one.close()
    options = client_options([kafka.bootstrap], {})
    absent = [marked(message) for message in messages(f"{prefix}nowhere", [1])]
    unsent = [marked(message) for message in messages(topic, [20])]
    found = await find(options, [*sent, *absent, *unsent], int(time.time() * 1000) - 60_000)
    assert found == {
        (topic, int(dict(seen.headers)["receiver-position"].partition(b":")[2])): (seen.partition, seen.offset)
        async for seen in tail(options, [topic], follow=False)
    }
    assert len(found) == 19
    assert len({partition for partition, _ in found.values()}) == 3
