"""The button that looks into Kafka, against a broker: where each event of an operation lies there."""

from __future__ import annotations

import asyncio
import re

import pytest
from kafka_local import LocalKafka

from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.cluster import KafkaCluster
from tests.chaos.oracle import committed
from tests.console.seeded import SWAP, browser, seeded
from tests.operate.desk import published

pytestmark = pytest.mark.kafka


def test_each_event_is_found_where_a_consumer_reads_it(kafka: LocalKafka, prefix: str) -> None:
    """By its topic, partition and offset; nobody looks there before the button is pressed."""
    options = client_options([kafka.bootstrap], {})
    cluster = KafkaCluster(options, topic_prefix=prefix, transaction_timeout_s=30, partitions=3)
    way = seeded()

    async def publish() -> None:
        await cluster.create_topics()
        await published(way, cluster)

    asyncio.run(publish())
    shown = browser(way=way, kafka=cluster)
    before = shown.get(f"/operation/{SWAP}")
    assert f"{prefix}exchange.status.v1[" not in before
    button = re.search(r'<form method="get" action="([^"]+)"><input type="hidden" name="places" value="1">', before)
    assert button is not None
    text = shown.get(f"{button[1]}?places=1")
    found = re.findall(rf"<code>{re.escape(prefix)}exchange\.status\.v1\[(\d+)\]@(\d+)</code>", text)
    seen = [
        (str(one.partition), str(one.offset))
        for one in committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
        if one.value["operation_id"] == SWAP
    ]
    assert len(seen) > 3
    assert sorted(found) == sorted(seen)


def test_a_broker_that_is_away_is_said_and_the_story_is_there(prefix: str) -> None:
    """Nobody waits for it longer than for a call."""
    options = client_options(["127.0.0.1:1"], {})
    text = browser(way=seeded(), kafka=KafkaCluster(options, topic_prefix=prefix)).get(f"/operation/{SWAP}?places=1")
    assert "Kafka does not answer" in text
    assert "PROCESSED" in text
