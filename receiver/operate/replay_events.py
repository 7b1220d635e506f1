"""Stored events again: from the journal or from Kafka, to a Kafka topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime

import orjson

from receiver.model.errors import ReceiverError
from receiver.model.records import OutboxRecord
from receiver.operate import context as lookup
from receiver.operate.import_callbacks import IMPORT_STEP
from receiver.operate.rejoin_plan import rebuild
from receiver.operate.replay_callbacks import publish_again
from receiver.operate.selection import Filter
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.tail import tail
from receiver.publish.ports import Message
from receiver.publish.routing import POSITIONS_TOPIC, record_number, route
from receiver.service.config.settings import KafkaSettings, Settings
from receiver.service.kafka import all_topics, kafka_options

REPLAY_TIMEOUT_S = 15.0


async def journal_events(settings: Settings, wanted: Filter) -> AsyncIterator[OutboxRecord]:
    """The chosen events of the journal, each once, in the order of the outbox."""
    with lookup.stores(settings) as (_, outbox):
        after, given = 0, 0
        while records := outbox.read(after, IMPORT_STEP):
            after = records[-1].number
            for record in records:
                if record.record_type == "event" and _wants(record, wanted):
                    if wanted.limit is not None and given >= wanted.limit:
                        return
                    given += 1
                    yield record


async def kafka_events(settings: Settings, environ: Mapping[str, str], wanted: Filter) -> AsyncIterator[OutboxRecord]:
    """The chosen events of the status topics, each once, by their numbers in the journals they came from."""
    kafka = need_kafka(settings)
    topics = [topic for topic in all_topics(settings) if topic.endswith((".status.v1", ".quarantine.v1"))]
    found: dict[str, OutboxRecord] = {}
    async for one in tail(kafka_options(kafka, environ), topics, follow=False):
        headers = {name: value.decode(errors="replace") for name, value in one.headers}
        record = rebuild(headers, one.value)
        if record is not None and "receiver-replay" not in headers and _wants(record, wanted):
            found.setdefault(headers["receiver-position"], record)
    for place, record in enumerate(sorted(found.values(), key=lambda record: record.number), start=1):
        if wanted.limit is not None and place > wanted.limit:
            return
        yield replace(record, number=place)


def _wants(record: OutboxRecord, wanted: Filter) -> bool:
    from_us_, until_us = wanted.since_us, wanted.until_us
    event = orjson.loads(record.value)
    if record.record_type != "event":
        return not wanted.about_events and wanted.source in {None, record.source}
    at_us = _us(record.received_at)
    in_time = (from_us_ is None or at_us >= from_us_) and (until_us is None or at_us < until_us)
    return in_time and wanted.lets_event(event)


def _us(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1_000_000)


async def to_kafka(  # noqa: PLR0913  its parts
    settings: Settings,
    environ: Mapping[str, str],
    events: AsyncIterator[OutboxRecord],
    *,
    topic: str,
    run_id: str,
    advance: Callable[[int], None],
) -> int:
    """Publish stored events to a topic, once for this run; raises ``KafkaUnavailable``."""
    kafka = need_kafka(settings)
    with lookup.stores(settings) as (_, outbox):
        journal_id = outbox.journal_id()
    publisher = KafkaPublisher(
        kafka_options(kafka, environ),
        journal_id=f"replay-{run_id}",
        positions_topic=f"{kafka.topic_prefix}{POSITIONS_TOPIC}",
        topics=[topic],
        number_of=lambda headers: record_number(headers, journal_id, run_id),
        transactional=kafka.delivery == "exactly_once",
        transaction_timeout_s=REPLAY_TIMEOUT_S,
    )

    def make(record: OutboxRecord) -> Message:
        return route(replace(record, publish=True), (), kafka.topic_prefix, journal_id)[0]

    try:
        return await publish_again(publisher, events, make, topic, run_id, advance)
    finally:
        await publisher.close()


def need_kafka(settings: Settings) -> KafkaSettings:
    """The Kafka settings; raises ``ReceiverError`` where there are none."""
    if settings.kafka is None:
        raise ReceiverError("there is no [kafka] in the configuration")
    return settings.kafka
