"""What is published is CloudEvents 1.0 in Kafka's binary mode, by the judgement of the public SDK."""

from __future__ import annotations

import random

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from exchange_events import QuarantineRecord, StatusEvent
from exchange_events.asyncapi import HEADERS, SOMETIMES
from exchange_events.status_event import SCHEMA_ID
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Provider, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.samples import bodies
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.ports import Message
from receiver.publish.routing import route
from tests.support import NOW_S, Way, calypso_source, onchainpay_source, oxpay_source

SOURCES: dict[str, tuple[Provider, Source]] = {
    "0xpay": (zeroxpay.PROVIDER, oxpay_source()),
    "onchainpay": (onchainpay.PROVIDER, onchainpay_source()),
    "calypso": (calypso.PROVIDER, calypso_source()),
}


async def messages(provider: Provider, source: Source) -> list[Message]:
    """What Kafka is sent of every sample of a provider, and of a callback that nobody can read."""
    way = Way((provider, source))
    assert provider.samples is not None
    chance = random.Random(7)
    for scenario in provider.samples.scenarios:
        for body in bodies(scenario, source, chance, NOW_S):
            await way.deliver(source.name, body)
    await way.deliver(source.name, b"[]")
    way.interpret()
    return [message for record in way.outbox.records for message in route(record, (), "", "a" * 32)]


@pytest.mark.parametrize("name", SOURCES)
async def test_the_sdk_reads_every_record(name: str) -> None:
    """Each is valid, its identity is the record's own, and its data is what the model says."""
    sent = await messages(*SOURCES[name])
    assert len(sent) > 5
    for message in sent:
        headers = dict(message.headers)
        event = from_kafka_event(KafkaMessage(headers, message.key, message.value))
        assert (event.get_specversion(), event.get_datacontenttype()) == ("1.0", "application/json")
        time = event.get_time()
        assert time is not None
        assert time.utcoffset() is not None
        data = event.get_data()
        assert data == orjson.loads(message.value)
        if message.topic == "webhook.quarantine.v1":
            assert (event.get_type(), event.get_dataschema()) == ("webhook.quarantine", None)
            assert QuarantineRecord.model_validate(data).source == SOURCES[name][1].name
            continue
        known = StatusEvent.model_validate(data)
        assert (event.get_id(), event.get_subject()) == (known.event_id, known.operation_id)
        assert event.get_type() == f"{known.family}.{known.status}"
        assert event.get_source() == f"/{known.provider}/{known.source}"
        assert event.get_dataschema() == SCHEMA_ID


@pytest.mark.parametrize("name", SOURCES)
async def test_the_asyncapi_document_names_every_header(name: str) -> None:
    """Those that all have, and those that some have."""
    for message in await messages(*SOURCES[name]):
        given = {header for header, _ in message.headers}
        assert set(HEADERS) <= given
        assert given - set(HEADERS) - set(SOMETIMES) <= {"ce_subject", "ce_dataschema"}
