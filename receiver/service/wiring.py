"""The one place that knows both sides: it decides what is real, wires it once, and hands it to who runs it."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from receiver.intake.http_server import HttpServer
from receiver.interpret.poison import Suspects, after_death, points_at_the_batch
from receiver.interpret.poison_files import read_mark, read_suspects, write_suspects
from receiver.journal.sqlite import journal as sqlite_journal
from receiver.journal.sqlite.journal import Journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.store import make_folder
from receiver.model.errors import ConfigurationError, JournalBusy, JournalError, ReceiverError
from receiver.publish.kafka import topics as kafka_topics
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.tail import Tailed, tail
from receiver.publish.routing import FAMILIES, POSITIONS_TOPIC, reachable_topics, state_topic
from receiver.service import logs, metrics
from receiver.service.admin import make_admin, readiness
from receiver.service.config.settings import KafkaSettings, Settings, resolve_client
from receiver.service.config.sources import resolve_sources
from receiver.service.processes.interpret import RelayPart, WebPart
from receiver.service.processes.publish import PublisherPart
from receiver.service.processes.reconcile import ReconcilePart, polled

LOCK_WAIT_S = 10.0
"""The children of a service that was just killed need a moment to end."""
LISTEN_BACKLOG = 2048
NO_KAFKA = "there is no [kafka] in the configuration"


def service_log(*, people: bool = False, level: int = logging.INFO) -> Any:
    """Set logging up for this process and give its logger."""
    logs.configure(people=people, level=level)
    return logs.get()


@contextmanager
def hold_journal(settings: Settings, wait_s: float = LOCK_WAIT_S) -> Iterator[tuple[Journal, int]]:
    """Lock, make or check the journal; gives it and the lock's descriptor for children to inherit.

    Raises ``JournalBusy`` when another service holds it for longer than ``wait_s``, ``JournalError``.
    """
    folder = settings.journal.folder
    make_folder(folder)
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            descriptor = sqlite_journal.acquire(folder, "journal")
        except JournalBusy:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
            continue
        try:
            yield sqlite_journal.open_journal(folder), descriptor
        finally:
            os.close(descriptor)
        return


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind and listen; raises ``ReceiverError`` with address and key where it is taken or not ours."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ReceiverError(f"cannot listen on {host}:{port}, set by {section}.host and .port: {why}") from None
    listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return listener


@contextmanager
def passed_on(settings: Settings, journal: Journal) -> Iterator[int]:
    """Write the configuration to a nameless file for children to inherit: a restarted child reads what we read."""
    with tempfile.TemporaryFile() as file:
        document = settings.model_dump(mode="json", exclude_unset=True)
        file.write(orjson.dumps({"settings": document, "folder": str(journal.folder), "id": journal.journal_id}))
        file.flush()
        yield file.fileno()


def read_passed_on(descriptor: int) -> tuple[Settings, Journal]:
    """Read what ``passed_on`` wrote."""
    size = os.fstat(descriptor).st_size
    document = orjson.loads(os.pread(descriptor, size, 0))
    return Settings(**document["settings"]), Journal(Path(document["folder"]), document["id"])


def web_part(
    settings: Settings, environ: Mapping[str, str], journal: Journal, listener: socket.socket, wake: Callable[[], None]
) -> WebPart:
    """The web process's part; raises ``ConfigurationError``."""
    return WebPart(settings, resolve_sources(settings, environ), journal, listener, wake, logs.get())


def relay_part(
    settings: Settings, environ: Mapping[str, str], journal: Journal, on_records: Callable[[], None]
) -> RelayPart:
    """The relay process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return RelayPart(settings, resolve_sources(settings, environ), journal, on_records, logs.get())


def publisher_part(settings: Settings, environ: Mapping[str, str], journal: Journal) -> PublisherPart:
    """The publisher process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    kafka = _need_kafka(settings)
    sources = resolve_sources(settings, environ)
    return PublisherPart(settings, kafka, sources, journal, kafka_options(kafka, environ), logs.get())


def reconcile_part(settings: Settings, environ: Mapping[str, str], journal: Journal) -> ReconcilePart:
    """The reconcile process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return ReconcilePart(settings, resolve_sources(settings, environ), journal, logs.get(), all_sources=False)


def reconciles(settings: Settings) -> bool:
    """Whether any source's provider is asked."""
    return bool(polled(settings))


def note_death(journal: Journal, exit_code: int) -> Suspects | None:
    """Learn from a relay's death: what is suspected now, None where the death points at no callback."""
    if not points_at_the_batch(exit_code):
        return None
    known = read_suspects(journal.folder)
    suspects = after_death(known, *read_mark(journal.folder))
    if suspects == known:
        return None
    write_suspects(journal.folder, suspects)
    return suspects


def admin_server(
    listener: socket.socket, report: Callable[[], Mapping[str, Any]], text: Callable[[], bytes]
) -> HttpServer:
    """The admin listener's server."""
    return HttpServer(make_admin(report, text), listener, keep_alive_s=5, shutdown_timeout_s=1)


def supervisor_metrics(up: Mapping[str, bool], restarts: Mapping[str, int]) -> bytes:
    """The supervisor's own metrics."""
    return metrics.supervisor_text(up, restarts)


def open_outbox(settings: Settings) -> SqliteOutbox:
    """The outbox, to read; raises ``JournalError`` where there is no journal yet."""
    folder = settings.journal.folder
    if not (folder / "outbox.db").exists():
        raise JournalError(f"there is no journal in {folder} yet; `receiver serve` or `receiver dev` makes it")
    return SqliteOutbox.open(folder, read_only=True)


def kafka_options(kafka: KafkaSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    """The options of every Kafka client; raises ``ConfigurationError``."""
    return client_options(kafka.bootstrap_servers, resolve_client(kafka, environ))


def all_topics(settings: Settings) -> list[str]:
    """Every topic that a record can reach, and the positions topic."""
    kafka = _need_kafka(settings)
    rules = [route.rule for route in settings.routes]
    topics = reachable_topics(rules, kafka.topic_prefix, state_topics=kafka.state_topics)
    return [*topics, f"{kafka.topic_prefix}{POSITIONS_TOPIC}"]


async def create_topics(settings: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Make what is missing; gives (topic, ``created`` or ``exists``)."""
    kafka = _need_kafka(settings)
    compacted = {state_topic(family, kafka.topic_prefix) for family in FAMILIES}
    specs = [_spec(name, kafka, compacted) for name in all_topics(settings)]
    return await kafka_topics.create_topics(kafka_options(kafka, environ), specs)


def _spec(name: str, kafka: KafkaSettings, compacted: Collection[str]) -> kafka_topics.TopicSpec:
    if name == f"{kafka.topic_prefix}{POSITIONS_TOPIC}":
        return kafka_topics.TopicSpec(name, 1, kafka.topics.replication, kafka_topics.POSITIONS_CONFIGS)
    configs = kafka_topics.STATE_CONFIGS if name in compacted else {}
    return kafka_topics.TopicSpec(name, kafka.topics.partitions, kafka.topics.replication, configs)


async def missing_topics(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """The topics that a record can reach and that are not there."""
    return await kafka_topics.missing_topics(kafka_options(_need_kafka(settings), environ), all_topics(settings))


def tail_kafka(settings: Settings, environ: Mapping[str, str], *, follow: bool) -> AsyncIterator[Tailed]:
    """The status events on Kafka, as a consumer sees them."""
    kafka = _need_kafka(settings)
    rules = [route.rule for route in settings.routes]
    topics = [topic for topic in reachable_topics(rules, kafka.topic_prefix) if not topic.endswith("quarantine.v1")]
    return tail(kafka_options(kafka, environ), topics, follow=follow)


def _need_kafka(settings: Settings) -> KafkaSettings:
    if settings.kafka is None:
        raise ConfigurationError([NO_KAFKA])
    return settings.kafka


__all__ = ["HttpServer", "Journal", "readiness", "resolve_sources"]
