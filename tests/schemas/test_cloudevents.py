"""What is published is CloudEvents 1.0 in Kafka's binary mode, by the judgement of the public SDK."""

from __future__ import annotations

import random

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from kafka_local import LocalKafka

from exchange_events import QuarantineRecord, StatusEvent
from exchange_events.asyncapi import HEADERS, SOMETIMES
from exchange_events.status_event import SCHEMA_ID
from receiver.model.records import Position
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Provider, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.samples import bodies
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.ports import Message
from receiver.publish.routing import route
from tests.chaos.oracle import committed
from tests.support import NOW_S, Way, calypso_source, onchainpay_source, oxpay_source

SOURCES: dict[str, tuple[Provider, Source]] = {
    "0xpay": (zeroxpay.PROVIDER, oxpay_source()),
    "onchainpay": (onchainpay.PROVIDER, onchainpay_source()),
    "calypso": (calypso.PROVIDER, calypso_source()),
}


async def messages(provider: Provider, source: Source, prefix: str = "") -> list[Message]:
    """What Kafka is sent of every sample of a provider, and of a callback that nobody can read."""
    way = Way((provider, source))
    assert provider.samples is not None
    chance = random.Random(7)
    for scenario in provider.samples.scenarios:
        for body in bodies(scenario, source, chance, NOW_S):
            await way.deliver(source.name, body)
    await way.deliver(source.name, b"[]")
    way.interpret()
    return [message for record in way.outbox.records for message in route(record, (), prefix, "a" * 32)]


def assert_valid(headers: dict[str, bytes], key: bytes, value: bytes) -> None:
    """The SDK reads it, its identity is the record's own, and its data is what the model says."""
    event = from_kafka_event(KafkaMessage(headers, key, value))
    assert (event.get_specversion(), event.get_datacontenttype()) == ("1.0", "application/json")
    time = event.get_time()
    assert time is not None
    assert time.utcoffset() is not None
    data = event.get_data()
    assert data == orjson.loads(value)
    if event.get_type() == "webhook.quarantine":
        assert (event.get_subject(), event.get_dataschema()) == (None, None)
        record = QuarantineRecord.model_validate(data)
        assert event.get_source() == f"/{record.provider}/{record.source}"
        return
    known = StatusEvent.model_validate(data)
    assert (event.get_id(), event.get_subject()) == (known.event_id, known.operation_id)
    assert event.get_type() == f"{known.family}.{known.status}"
    assert event.get_source() == f"/{known.provider}/{known.source}"
    assert event.get_dataschema() == SCHEMA_ID


@pytest.mark.parametrize("name", SOURCES)
async def test_the_sdk_reads_every_record(name: str) -> None:
    """Of every sample, and of what is quarantined."""
    sent = await messages(*SOURCES[name])
    assert {message.topic for message in sent} > {"webhook.quarantine.v1"}
    for message in sent:
        assert_valid(dict(message.headers), message.key, message.value)


async def test_the_sdk_reads_what_a_broker_holds(kafka: LocalKafka, prefix: str) -> None:
    """As it comes from there, by another client than the one that sent it."""
    cluster = KafkaCluster(
        client_options([kafka.bootstrap], {}), topic_prefix=prefix, transaction_timeout_s=30, partitions=1
    )
    await cluster.create_topics()
    sent = await messages(*SOURCES["onchainpay"], prefix)
    publisher = cluster.publisher(f"{prefix}journal")
    try:
        await publisher.connect()
        await publisher.publish(sent, Position(sent[-1].record, "last"))
    finally:
        await publisher.close()
    held = [seen for topic in {message.topic for message in sent} for seen in committed(kafka.bootstrap, topic)]
    assert len(held) == len(sent)
    for seen in held:
        headers = {name: value.encode() for name, value in seen.headers.items()}
        assert_valid(headers, seen.key.encode(), orjson.dumps(seen.value))


@pytest.mark.parametrize("name", SOURCES)
async def test_the_asyncapi_document_names_every_header(name: str) -> None:
    """Those that all have, and those that some have."""
    for message in await messages(*SOURCES[name]):
        given = {header for header, _ in message.headers}
        assert set(HEADERS) <= given
        assert given - set(HEADERS) - set(SOMETIMES) <= {"ce_subject", "ce_dataschema"}
