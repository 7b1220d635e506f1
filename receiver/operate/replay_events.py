"""Stored events again: from the journal or from Kafka, to a Kafka topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime

import orjson

from receiver.model.records import OutboxRecord
from receiver.operate import context as lookup
from receiver.operate.import_callbacks import IMPORT_STEP
from receiver.operate.rejoin_plan import rebuild
from receiver.operate.replay_callbacks import publish_again
from receiver.operate.selection import Filter
from receiver.publish.ports import Message
from receiver.service.config.settings import Settings
from receiver.service.kafka import need_kafka


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
    kafka = need_kafka(settings, environ)
    topics = [topic for topic in kafka.event_topics if topic.endswith((".status.v1", ".quarantine.v1"))]
    found: dict[str, OutboxRecord] = {}
    async for one in kafka.tail(topics, follow=False):
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
    kafka = need_kafka(settings, environ)
    with lookup.stores(settings) as (_, outbox):
        journal_id = outbox.journal_id()
    publisher = kafka.replay_publisher(run_id, journal_id, topic)

    def make(record: OutboxRecord) -> Message:
        return kafka.route(replace(record, publish=True), journal_id)[0]

    try:
        return await publish_again(publisher, events, make, topic, run_id, advance)
    finally:
        await publisher.close()
