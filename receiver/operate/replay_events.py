"""Stored events again: from the journal or from Kafka, to a Kafka topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace

import orjson

from receiver.model.records import OutboxRecord
from receiver.model.times import to_us
from receiver.operate.context import Context
from receiver.operate.erase import erased_records
from receiver.operate.rejoin_plan import rebuild
from receiver.operate.replay_callbacks import publish_again
from receiver.operate.selection import Filter, steps_of_events
from receiver.publish.ports import Message
from receiver.publish.spread import RememberedSpread

PAGE = 500
"""Records read at once."""


async def journal_events(context: Context, wanted: Filter) -> AsyncIterator[OutboxRecord]:
    """The chosen events of the journal, each once, in the order of the outbox."""
    with closing(context.journal.search()) as search:
        given = 0
        erased = erased_records(context)
        for _, records in steps_of_events(search, wanted.of_records, 0, PAGE):
            for record in records:
                if record.number not in erased and _wants(record, wanted):
                    if wanted.limit is not None and given >= wanted.limit:
                        return
                    given += 1
                    yield record


async def kafka_events(context: Context, wanted: Filter) -> AsyncIterator[OutboxRecord]:
    """The chosen events of the status topics, each once, by their numbers in the journals they came from."""
    kafka = context.need_kafka()
    topics = [topic for topic in kafka.event_topics if topic.endswith((".status.v1", ".quarantine.v1"))]
    found: dict[str, OutboxRecord] = {}
    async for tailed in kafka.tail(topics, follow=False):
        headers = {name: value.decode(errors="replace") for name, value in tailed.headers}
        record = rebuild(headers, tailed.value)
        if record is not None and "receiver-replay" not in headers and _wants(record, wanted):
            found.setdefault(headers["receiver-position"], record)
    for place, record in enumerate(sorted(found.values(), key=lambda record: record.number), start=1):
        if wanted.limit is not None and place > wanted.limit:
            return
        yield replace(record, number=place)


def _wants(record: OutboxRecord, wanted: Filter) -> bool:
    if record.record_type != "event":
        return not wanted.about_events and wanted.source in {None, record.source}
    return wanted.lets_time(to_us(record.received_at)) and wanted.lets_event(orjson.loads(record.value))


async def to_kafka(
    context: Context,
    events: AsyncIterator[OutboxRecord],
    *,
    topic: str,
    run_id: str,
    advance: Callable[[int], None],
) -> int:
    """Publish stored events to a topic, once for this run; gives how many. Raises ``KafkaUnavailable``."""
    kafka, journal_id = context.need_kafka(), context.journal.journal_id
    noting = context.journal.outbox(write=True)
    # To a topic of ours an operation's events go where its others are; any other topic is as it is.
    spread = RememberedSpread(noting, context.log) if topic in kafka.event_topics else None
    publisher = kafka.replay_publisher(run_id, journal_id, topic, spread)

    def make(record: OutboxRecord) -> Message:
        return kafka.route(replace(record, publish=True), journal_id)[0]

    try:
        return await publish_again(publisher, events, make, topic, run_id, advance)
    finally:
        await publisher.close()
        noting.close()
