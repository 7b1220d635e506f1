"""What ``receiver journal`` does, wired: check, rejoin, backup, stats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from receiver.journal.sqlite import audit as sqlite_audit
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.take_over import OutboxMender
from receiver.model.errors import KafkaStopped, KafkaUnavailable
from receiver.model.records import OutboxRecord
from receiver.operate.rejoin_plan import Plan, fold, key_of, placeholder, plan, rebuild
from receiver.publish.ports import Kafka, Memory
from receiver.publish.position import start_of
from receiver.publish.routing import record_number
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.journal import open_outbox
from receiver.service.kafka import need_kafka, open_kafka


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``receiver journal check`` found."""

    journal_id: str
    faults: Sequence[str]
    kafka: str
    """What was found of Kafka, in one sentence."""


async def check(settings: Settings, environ: Mapping[str, str]) -> Checked:
    """Check the stores, and the position against Kafka where one is configured; raises ``JournalError``."""
    journal_id, faults = sqlite_audit.check(settings.journal.folder)
    kafka = open_kafka(settings, environ)
    if kafka is None:
        return Checked(journal_id, faults, "Kafka is not configured")
    outbox = open_outbox(settings)
    try:
        memory = await kafka.memory(journal_id)
        start = start_of(memory, outbox).position.number
        last = outbox.last_number()
    except KafkaUnavailable as error:
        return Checked(journal_id, faults, f"Kafka was not looked at: {error}")
    except KafkaStopped as error:
        return Checked(journal_id, [*faults, str(error)], "Kafka's memory does not fit")
    finally:
        outbox.close()
    return Checked(journal_id, faults, f"Kafka has this journal's records up to {start}, the outbox ends at {last}")


async def rejoin(
    settings: Settings, environ: Mapping[str, str], agree: Callable[[str, Plan], bool]
) -> tuple[str, Plan] | None:
    """Join the journal with what Kafka holds of it, after ``agree`` was shown fault and plan.

    Gives None where they fit already. Safe while the service runs: its relay is stopped by the same fault, and goes on
    by itself afterwards. Raises ``KafkaUnavailable``, ``JournalError``, ``StoreFailed``.
    """
    kafka = need_kafka(settings, environ)
    journal_id, _ = sqlite_audit.check(settings.journal.folder)
    memory = await kafka.memory(journal_id)
    outbox = SqliteOutbox.open(settings.journal.folder)
    try:
        try:
            start_of(memory, outbox)
        except KafkaStopped as error:
            fault = str(error)
        else:
            return None
        found = await _found(kafka, journal_id)
        decided = plan(memory, outbox.remembered(memory.cluster_id), outbox.last_number(), outbox.record_id, found)
        if agree(fault, decided):
            await _carry_out(settings, environ, kafka, journal_id, memory, decided, outbox)
        return fault, decided
    finally:
        outbox.close()


async def _carry_out(  # noqa: PLR0913, PLR0917  one step of rejoin
    settings: Settings,
    environ: Mapping[str, str],
    kafka: Kafka,
    journal_id: str,
    memory: Memory,
    decided: Plan,
    outbox: SqliteOutbox,
) -> None:
    mender = OutboxMender(settings.journal.folder)
    inbox = SqliteInboxReader(settings.journal.folder)
    sources = resolve_sources(settings, environ)
    try:
        if decided.take or decided.missing:
            take = list(decided.take)
            if not take or take[-1].number < decided.position.number:
                take.append(placeholder(decided.position, take[-1] if take else None))
            mender.take_over(
                decided.keep_to,
                take,
                key_of=key_of,
                fold=lambda events: fold(events, sources),
                entry_at=inbox.entry,
            )
        await _publish(kafka, journal_id, decided, outbox)
        mender.remember(memory.cluster_id, decided.position)
    finally:
        mender.close()
        inbox.close()


async def _publish(kafka: Kafka, journal_id: str, decided: Plan, outbox: SqliteOutbox) -> None:
    # With nothing to publish too: the position is written anew, where Kafka's memory was gone or behind.
    records = [record for number in decided.publish for record in outbox.read(number - 1, 1) if record.number == number]
    messages = [message for record in records for message in kafka.route(record, journal_id)]
    publisher = kafka.publisher(journal_id)
    try:
        await publisher.connect()
        await publisher.publish(messages, decided.position)
    finally:
        await publisher.close()


async def _found(kafka: Kafka, journal_id: str) -> dict[int, OutboxRecord]:
    found: dict[int, OutboxRecord] = {}
    async for record in kafka.tail(kafka.event_topics, follow=False):
        if record_number(dict(record.headers), journal_id) is not None:
            headers = {name: value.decode(errors="replace") for name, value in record.headers}
            rebuilt = rebuild(headers, record.value)
            if rebuilt is not None:
                found[rebuilt.number] = rebuilt
    return found


def backup(settings: Settings, target: Path) -> list[Path]:
    """Copy the journal consistently; raises ``JournalError``, ``StoreFailed``."""
    return sqlite_audit.backup(settings.journal.folder, target)


def stats(settings: Settings) -> dict[str, Any]:
    """Figures of the journal; raises ``JournalError``."""
    return sqlite_audit.stats(settings.journal.folder)
