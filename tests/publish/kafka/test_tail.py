"""Reading records back from a real broker, as a consumer sees them."""

from __future__ import annotations

import pytest
from kafka_local import LocalKafka

from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.tail import tail
from tests.publish.kafka.stand import make_topics, messages, publisher

pytestmark = pytest.mark.kafka


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
