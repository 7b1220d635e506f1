"""What the world must look like at the end, told by an independent consumer: librdkafka, ``read_committed``."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from confluent_kafka import Consumer, TopicPartition

from tests.chaos.load import Ledger
from tests.chaos.traffic import Callback


@dataclass
class Verdict:
    """Counts of what is wrong; all zero where the promises held."""

    obligations: int = 0
    events: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)
    wrong_facts: list[str] = field(default_factory=list)
    not_in_journal: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many things are wrong."""
        wrong = (self.lost, self.duplicated, self.invented, self.misordered, self.wrong_facts, self.not_in_journal)
        return sum(map(len, wrong))

    def lines(self) -> list[str]:
        """For people: the counts, and the first few of each kind of fault."""
        lines = [f"obligations {self.obligations}   events {self.events}"]
        for name in ("lost", "duplicated", "invented", "misordered", "wrong_facts", "not_in_journal"):
            found = getattr(self, name)
            lines.append(f"{name:15} {len(found)}")
            lines += [f"    {item}" for item in found[:5]]
        return lines


@dataclass(frozen=True, slots=True)
class Seen:
    """One committed record."""

    key: str
    partition: int
    offset: int
    value: dict[str, Any]
    headers: dict[str, str]


def committed(bootstrap: str, topic: str, timeout_s: float = 60) -> list[Seen]:
    """All committed records of ``topic``, from the beginning to the end it has now, in offset order per partition."""
    settings = {"bootstrap.servers": bootstrap, "group.id": f"oracle-{time.time_ns()}", "enable.auto.commit": False}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    try:
        described = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p))[1] for p in described.partitions}
        consumer.assign([TopicPartition(topic, p, 0) for p in ends])
        return _read_to(consumer, topic, ends, time.monotonic() + timeout_s)
    finally:
        consumer.close()


def _read_to(consumer: Consumer, topic: str, ends: dict[int, int], deadline: float) -> list[Seen]:
    seen: list[Seen] = []
    while time.monotonic() < deadline:
        for message in consumer.consume(500, 0.05):
            if message.error() is None:
                pairs: list[Any] = list(message.headers() or [])
                headers = {name: (value or b"").decode(errors="replace") for name, value in pairs}
                key, value = (message.key() or b"").decode(), json.loads(message.value() or b"null")
                seen.append(Seen(key, message.partition() or 0, message.offset() or 0, value, headers))
        positions = {at.partition: at.offset for at in consumer.position([TopicPartition(topic, p) for p in ends])}
        if all(end == 0 or positions.get(p, -1) >= end for p, end in ends.items()):
            return seen
    raise AssertionError(f"{topic}: read to {positions} of {ends} before the time was up")


def judge(ledger: Ledger, records: list[Seen], journal: Path | None, in_journal_from: int = 0) -> Verdict:
    """Hold what was published against what was owed.

    The bodies of the first ``in_journal_from`` obligations are not looked for: the journal that held them was replaced.
    """
    verdict = Verdict(obligations=len(ledger.owed), events=len(records))
    by_status: dict[tuple[str, str], list[Callback]] = defaultdict(list)
    for callback in ledger.sent.values():
        by_status[callback.key, callback.provider_status].append(callback)
    found = Counter((record.key, str(record.value["provider_status"])) for record in records)
    for callback in ledger.owed.values():
        if not found[callback.key, callback.provider_status]:
            verdict.lost.append(f"{callback.key} {callback.provider_status}")
    for (key, status), count in found.items():
        if (key, status) not in by_status:
            verdict.invented.append(f"{key} {status}")
        elif count > 1:
            verdict.duplicated.append(f"{key} {status} x{count}")
    _judge_order(records, verdict)
    _judge_facts(records, by_status, verdict)
    if journal is not None:
        _judge_journal(list(ledger.owed.values())[in_journal_from:], journal, verdict)
    return verdict


def _judge_order(records: list[Seen], verdict: Verdict) -> None:
    sequences: dict[str, list[int]] = defaultdict(list)
    places: dict[str, set[int]] = defaultdict(set)
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        sequences[record.key].append(record.value["sequence"])
        places[record.key].add(record.partition)
    for key, given in sequences.items():
        if given != list(range(1, len(given) + 1)) or len(places[key]) > 1:
            verdict.misordered.append(f"{key} sequence {given} partitions {sorted(places[key])}")


def _judge_facts(records: list[Seen], by_status: dict[tuple[str, str], list[Callback]], verdict: Verdict) -> None:
    for record in records:
        for callback in by_status.get((record.key, record.value["provider_status"]), []):
            for path, wanted in callback.facts:
                got: Any = record.value
                for part in path.split("."):
                    got = got[part] if isinstance(got, dict) else None
                if got != wanted:
                    verdict.wrong_facts.append(f"{record.key} {path}: {got!r}, sent {wanted!r}")


def _judge_journal(owed: list[Callback], journal: Path, verdict: Verdict) -> None:
    connection = apsw.Connection(str(journal / "inbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        kept = {(source, bytes(body)) for source, body in connection.execute("SELECT source, body FROM callbacks")}
    finally:
        connection.close()
    for callback in owed:
        if (callback.source, callback.body) not in kept:
            verdict.not_in_journal.append(f"{callback.key} {callback.provider_status}")
