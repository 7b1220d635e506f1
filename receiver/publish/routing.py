"""Routing: an outbox record → the Kafka messages that carry it. Pure; the contract's "Kafka" section, as code.

Rules are data: the first that matches replaces the default topic, unless it says ``also``: then it is a copy in the
same transaction. A rule by status that replaced would split an operation over topics and break its order, so the
configuration refuses it. A topic named by a rule is taken as written; ``topic_prefix`` is for our own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from exchange_events.status_event import SCHEMA_ID, Family
from receiver.journal.slots import slot_of_record
from receiver.model import callback
from receiver.model.operation import operation_key
from receiver.model.records import OutboxRecord
from receiver.publish.ports import Message

MATCHABLE = frozenset({"provider", "source", "account", "family", "kind", "status"})
NUMBER = re.compile(r"[0-9]{1,18}")
"""An outbox number, as a header has it: what SQLite can count, and what takes no time to read."""
FAMILIES: tuple[str, ...] = get_args(Family)
QUARANTINE_TOPIC = "webhook.quarantine.v1"
POSITIONS_TOPIC = "receiver.positions"
DATASCHEMA = SCHEMA_ID.encode()
SIMULATED = callback.SIMULATED.decode()
"""The header of a record whose callback a simulator made; on nothing that a provider sent."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One of ``[[routes]]``."""

    match: Mapping[str, str]
    topic: str
    also: bool = False

    def matches(self, record: OutboxRecord) -> bool:
        """Whether all that it names is so."""
        return all(getattr(record, name) == wanted for name, wanted in self.match.items())


def status_topic(family: str, prefix: str) -> str:
    """The default topic of a family's status events."""
    return f"{prefix}{family}.status.v1"


def position_id(journal_id: str, slot: int) -> str:
    """What one slot of a journal publishes under: a position, a transactional id and headers of its own.

    That of slot 0 is the journal's id, so that a journal goes on as it was when slots are added.
    """
    return f"{journal_id}.{slot}" if slot else journal_id


def state_topic(family: str, prefix: str) -> str:
    """The compacted topic of a family's latest effective events."""
    return f"{prefix}{family}.state.v1"


def route(
    record: OutboxRecord, rules: Sequence[Rule], prefix: str, journal_id: str, *, state_topics: bool = False
) -> tuple[Message, ...]:
    """Give the messages of one record, one for each topic it goes to; none for a withheld one.

    With ``state_topics`` an effective event goes to its family's compacted topic too, in the same transaction.
    """
    if record.record_type == "withheld" or not record.publish:
        return ()
    headers = _headers(record, position_id(journal_id, slot_of_record(record.number)))
    if record.record_type == "quarantine":
        topics: tuple[str, ...] = (f"{prefix}{QUARANTINE_TOPIC}",)
        key = record.source
    else:
        topics = _topics(record, rules, prefix)
        if state_topics and record.effective:
            topics = (*topics, state_topic(record.family, prefix))
        key = operation_key(record.provider, record.account, record.kind, record.operation_id)
    return tuple(Message(topic, key.encode(), record.value, headers, record.number) for topic in topics)


def _topics(record: OutboxRecord, rules: Sequence[Rule], prefix: str) -> tuple[str, ...]:
    rule = next((rule for rule in rules if rule.matches(record)), None)
    return _by_rule(status_topic(record.family, prefix), rule)


def topics_of(fields: Mapping[str, str], rules: Sequence[Rule], prefix: str) -> tuple[str, ...]:
    """The topics of an event of which only these fields are known, ``MATCHABLE``; none without its family."""
    if not fields.get("family"):
        return ()
    matching = (rule for rule in rules if all(fields.get(name) == wanted for name, wanted in rule.match.items()))
    return _by_rule(status_topic(fields["family"], prefix), next(matching, None))


def _by_rule(default: str, rule: Rule | None) -> tuple[str, ...]:
    if rule is None:
        return (default,)
    if rule.also and rule.topic != default:
        return (default, rule.topic)
    return (rule.topic,)


def _headers(record: OutboxRecord, published_as: str) -> tuple[tuple[str, bytes], ...]:
    # CloudEvents 1.0, Kafka binding, binary mode.
    event = record.record_type == "event"
    event_type = f"{record.family}.{record.status}" if event else "webhook.quarantine"
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", record.record_id.encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", f"/{record.provider}/{record.source}".encode()),
    ]
    if event:
        headers.append(("ce_subject", record.operation_id.encode()))
    headers.append(("ce_time", record.received_at.encode()))
    if event:
        headers.append(("ce_dataschema", DATASCHEMA))
    headers.append(("content-type", b"application/json"))
    if record.callback is not None:
        headers.append(("receiver-callback", b"%d" % record.callback))
    headers.append(("receiver-position", f"{published_as}:{record.number}".encode()))
    if record.simulated:
        headers.append((SIMULATED, b"1"))
    if record.traceparent is not None:
        headers.append(("traceparent", record.traceparent.encode()))
    return tuple(headers)


def record_number(headers: Mapping[str, bytes], journal_id: str, run_id: str = "") -> int | None:
    """Read an outbox number back from a message's headers; None for another journal's or slot's, or replay run's.

    ``journal_id`` is what the slot publishes under, see ``position_id``.
    """
    journal, _, number = headers.get("receiver-position", b"").decode(errors="replace").rpartition(":")
    run = headers.get("receiver-replay", b"").decode(errors="replace")
    return int(number) if (journal, run) == (journal_id, run_id) and NUMBER.fullmatch(number) else None


def reachable_topics(rules: Iterable[Rule], prefix: str, *, state_topics: bool = False) -> list[str]:
    """Every topic that a record can go to, the defaults first; the positions topic is apart."""
    topics = [status_topic(family, prefix) for family in FAMILIES]
    if state_topics:
        topics += [state_topic(family, prefix) for family in FAMILIES]
    topics.append(f"{prefix}{QUARANTINE_TOPIC}")
    return list(dict.fromkeys([*topics, *(rule.topic for rule in rules)]))


def splits_operations(rule: Rule) -> bool:
    """Whether a rule sends the events of one operation to different topics, so that their order is lost."""
    return "status" in rule.match and not rule.also
