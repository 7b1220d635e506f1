"""Journals as files, and runs of replay, wired: export, import, replay to HTTP, Kafka and stdout, reprocess."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import RelayMetrics
from receiver.journal.ports import Message, OutboxRecord
from receiver.journal.sqlite.inbox_writer import Limits, SqliteInbox, SqliteInboxReader
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.callback import RawCallback, VerifiedCallback
from receiver.model.errors import ReceiverError, Unauthorized
from receiver.operate import context as lookup
from receiver.operate.archive import operation_of, read_any, to_line
from receiver.operate.rejoin_plan import rebuild
from receiver.operate.replay import Item, differences, publish_again
from receiver.operate.selection import Chosen, Filter, choose
from receiver.providers.contract import Provider, Source
from receiver.publish.kafka.publisher import KafkaPublisher
from receiver.publish.kafka.tail import tail
from receiver.publish.routing import POSITIONS_TOPIC, record_number, route
from receiver.sandbox.simulator import Report, missing
from receiver.service import logs
from receiver.service.config.settings import KafkaSettings, Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.system_clock import SystemClock
from receiver.service.wiring import all_topics, hold_journal, kafka_options

IMPORT_STEP = 500
REPLAY_TIMEOUT_S = 15.0
VERIFY_WAIT_S = 30.0


def chosen(settings: Settings, wanted: Filter, after: int = 0) -> Iterator[Chosen]:
    """The chosen callbacks of the journal, in order of receipt."""
    with lookup.stores(settings) as (inbox, outbox):
        yield from choose(inbox, outbox, wanted, after)


def count(settings: Settings, wanted: Filter) -> tuple[int, Counter[str]]:
    """How many callbacks are chosen, and of what."""
    kinds: Counter[str] = Counter()
    for one in chosen(settings, wanted):
        kinds[f"{one.event['kind']} {one.event['status']}" if one.event else one.outcome] += 1
    return kinds.total(), kinds


def export(settings: Settings, wanted: Filter, *, unmasked: bool) -> Iterator[bytes]:
    """The chosen callbacks as lines."""
    for one in chosen(settings, wanted):
        about: dict[str, Any] = {"outcome": one.outcome}
        if one.event is not None:
            about |= {"operation": one.event["operation_id"], "status": one.event["status"]}
        yield to_line(one.entry.number, one.entry.callback, about, unmasked=unmasked)


@dataclass(slots=True)
class Imported:
    """What became of an import."""

    callbacks: int = 0
    unverified: int = 0
    """Taken on the caller's word."""
    outcomes: Counter[str] | None = None


async def import_lines(  # noqa: PLR0913  its options
    settings: Settings,
    environ: Mapping[str, str],
    text: str,
    *,
    publish: bool,
    trust: bool,
    source: str | None,
    advance: Callable[[int], None],
) -> Imported:
    """Put callbacks into this journal, with their times of receipt; raises ``ReceiverError``, ``JournalBusy``.

    Signatures are checked again as of the time of receipt; a line that cannot be verified needs ``trust``. Every line
    is looked at before the first is kept. No service may run on the journal meanwhile.
    """
    sources = resolve_sources(settings, environ)
    lines = list(read_any(text, source, SystemClock().now_us()))
    unverified = [number for number, callback, masked in lines if masked or not _verifies(sources, callback)]
    if unverified and not trust:
        raise ReceiverError(
            f"{len(unverified)} of {len(lines)} callbacks cannot be verified, the first is number {unverified[0]} "
            "(masked, unknown source, or a secret that is not configured); --trust takes them all the same"
        )
    unknown = sorted({callback.source for _, callback, _ in lines} - set(sources))
    if unknown:
        raise ReceiverError(f"these sources are not configured here: {', '.join(unknown)}")
    with hold_journal(settings, wait_s=0) as (journal, _):
        _interpret(settings, sources, journal.folder, publish=True)
        inbox = SqliteInbox(journal.folder, Limits())
        try:
            for at in range(0, len(lines), IMPORT_STEP):
                step = lines[at : at + IMPORT_STEP]
                await asyncio.gather(*(inbox.append(callback) for _, callback, _ in step))
                advance(len(step))
        finally:
            await asyncio.to_thread(inbox.close)
        outcomes = _interpret(settings, sources, journal.folder, publish=publish)
    return Imported(len(lines), len(unverified), outcomes)


def _verifies(sources: Mapping[str, tuple[Provider, Source]], callback: VerifiedCallback) -> bool:
    if callback.source not in sources:
        return False
    provider, source = sources[callback.source]
    try:
        claim = provider.claim(callback.headers, source, callback.received_at_us // 1_000_000)
        provider.verify(
            RawCallback(callback.source, callback.received_at_us, callback.headers, callback.body), claim, source
        )
    except Unauthorized:
        return False
    return True


def _interpret(settings: Settings, sources: Any, folder: Path, *, publish: bool) -> Counter[str]:
    logs.configure(people=True, level=40)
    inbox, outbox, requests = (
        SqliteInboxReader(folder),
        SqliteOutbox.open(folder),
        SqliteRequests.open(folder, read_only=True),
    )
    try:
        interpreter = Interpreter(
            inbox=inbox,
            requests=requests,
            outbox=outbox,
            sources=sources,
            record_bytes_max=settings.kafka.record_bytes_max if settings.kafka else 2**31,
            publish_body=settings.quarantine.publish_body,
            log=logs.get(),
            metrics=RelayMetrics(),
        )
        interpreter.publish = publish
        first = interpreter.interpreted + 1
        while interpreter.step():
            pass
        last = interpreter.interpreted
        found: Counter[str] = Counter()
        for at in range(first, last + 1, IMPORT_STEP):
            outcomes = outbox.outcomes_between(at, min(last, at + IMPORT_STEP - 1))
            found.update(outcome for outcome, _ in outcomes.values())
        return found
    finally:
        for store in (inbox, outbox, requests):
            store.close()


def items(settings: Settings, wanted: Filter, after: int) -> Iterator[Item]:
    """The chosen callbacks, to be sent again."""
    for one in chosen(settings, wanted, after):
        yield Item(one.entry.number, operation_of(one.event, one.entry.number), one.entry.callback)


def items_of_file(text: str, source: str | None, wanted: Filter) -> Iterator[Item]:
    """The callbacks of a file, to be sent again; they are not interpreted, so only time and source choose."""
    for place, (_, callback, _) in enumerate(read_any(text, source, SystemClock().now_us()), start=1):
        if wanted.limit is not None and place > wanted.limit:
            return
        if wanted.lets_time(callback.received_at_us) and wanted.source in {None, callback.source}:
            yield Item(place, _rough_operation(callback), callback)


def _rough_operation(callback: VerifiedCallback) -> str:
    # Only to keep the order of what belongs together: the sender trusts nothing of it.
    try:
        said = orjson.loads(callback.body)
        return f"{callback.source} {said['id']}"
    except (ValueError, KeyError, TypeError):
        return callback.source


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


def reprocess_preview(
    settings: Settings, environ: Mapping[str, str], wanted: Filter
) -> Iterator[tuple[int, dict[str, Any], dict[str, tuple[Any, Any]]]]:
    """(inbox number, event, field → (before, now)) of the chosen events that today's code would read otherwise."""
    sources = resolve_sources(settings, environ)
    with lookup.stores(settings) as (inbox, outbox):
        interpreter = Interpreter(
            inbox=inbox,
            requests=lookup.NoRequests(),
            outbox=outbox,
            sources=sources,
            record_bytes_max=2**31,
            publish_body=False,
            log=logs.get(),
            metrics=RelayMetrics(),
        )
        for one in choose(inbox, outbox, wanted):
            if one.outcome != "event" or one.event is None:
                continue
            draft, _ = interpreter.reprocess([one.entry.number])
            for record in draft.batch.records:
                after = orjson.loads(record.value)
                changed = differences(one.event, after)
                if changed:
                    yield one.entry.number, dict(one.event), changed


def need_kafka(settings: Settings) -> KafkaSettings:
    """The Kafka settings; raises ``ReceiverError`` where there are none."""
    if settings.kafka is None:
        raise ReceiverError("there is no [kafka] in the configuration")
    return settings.kafka


def save_run(folder: Path, run_id: str, document: Mapping[str, Any]) -> Path:
    """Keep a run's state, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{run_id}.json"
    new = path.with_suffix(".new")
    new.write_bytes(orjson.dumps(document))
    new.replace(path)
    return path


def load_run(folder: Path, run_id: str) -> dict[str, Any]:
    """Read a run's state; raises ``ReceiverError``."""
    try:
        return dict(orjson.loads((folder / f"{run_id}.json").read_bytes()))
    except (OSError, ValueError):
        raise ReceiverError(f"there is no run {run_id} in {folder}") from None


def verify(settings: Settings, environ: Mapping[str, str], report: Report, source: str, where: str) -> list[str]:
    """Hold what a simulation sent against the journal or Kafka, waiting a while for it; gives what is wrong."""
    deadline = time.monotonic() + VERIFY_WAIT_S
    while True:
        wrong = missing(report, asyncio.run(_held(settings, environ, report, source, where)))
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(1)


async def _held(
    settings: Settings, environ: Mapping[str, str], report: Report, source: str, where: str
) -> dict[str, Counter[str]]:
    held: dict[str, Counter[str]] = {}
    mine = Filter(source=source)
    events = kafka_events(settings, environ, mine) if where == "kafka" else journal_events(settings, mine)
    async for record in events:
        if record.record_type == "event" and record.operation_id in report.events:
            word = orjson.loads(record.value)["provider_status"]
            held.setdefault(record.operation_id, Counter())[word] += 1
    return held
