"""Interpret: what a verified callback means, in the light of what its operation has seen. Pure.

``read`` turns bytes into facts, without any state; ``interpret`` gives them their place. A callback that says what
an event of its operation said before is a duplicate: by its event id, or by its canonical payload, whatever a newer
normaliser would make of that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from receiver.interpret.lifecycle import News, confirm, overrules, place
from receiver.interpret.status_event import Observed, event_id, facts_digest, status_event, to_json
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import payload_digest, read_json
from receiver.model.frozen import dataclass
from receiver.model.operation import Facts, Operation, OperationState, operation_key
from receiver.providers.contract import Provider, Source


@dataclass(frozen=True, slots=True)
class Reading:
    """What a callback says, before anyone asked whether it was said before."""

    key: str
    """Of its operation."""
    facts: Facts
    facts_digest: str
    payload_digest: bytes
    unknown_fields: frozenset[str]
    """Names of body fields that mean nothing to us: a provider's change shows here first."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """It is news: the event, and the operation's state after it."""

    event_id: str
    event: dict[str, Any]
    value: bytes
    """The event's JSON, as Kafka holds it."""
    state: OperationState


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It was said before, by the event with this outbox number; ``state`` is None where nothing changes."""

    record: int
    state: OperationState | None


def read(callback: VerifiedCallback, provider: Provider, source: Source, *, observed: Observed = "webhook") -> Reading:
    """Read a callback, or what the API said; raises ``NotUnderstood`` with the first reason that holds."""
    document = read_json(callback.body)
    if not isinstance(document, dict):
        raise NotUnderstood("schema", "$")
    api = provider.api if observed == "poll" else None
    if api is None:
        facts, known = provider.normalise(provider.parse(document, source), source), provider.known_fields
    else:
        facts, known = api.normalise(api.parse(document, source), source), api.known_fields(source)
    return Reading(
        key=operation_key(provider.slug, facts.account, facts.kind.name, facts.operation_id),
        facts=facts,
        facts_digest=facts_digest(facts),
        payload_digest=payload_digest(document),
        unknown_fields=frozenset(document) - known,
    )


def interpret(  # noqa: PLR0913  all that the answer depends on, and nothing else
    reading: Reading,
    operation: Operation,
    *,
    provider: str,
    source: str,
    arrival: int,
    received_at_us: int,
    observed: Observed = "webhook",
    again: bool = False,
) -> NewEvent | Duplicate:
    """Give a reading its place in its operation.

    ``arrival`` is the callback's inbox number. ``again`` is set for redrive and reprocess, which skip the rule that a
    payload already seen is a duplicate: today's code may read it otherwise.
    """
    facts = reading.facts
    identity = event_id(provider, facts, reading.facts_digest)
    news = News(
        event_id=identity,
        provider_status=facts.provider_status,
        step=facts.step,
        updated_at=facts.updated_at,
        arrival=arrival,
        anomalies=facts.anomalies,
        polled=observed == "poll",
    )
    seen = {content.event_id: content.record for content in operation.seen}
    if identity in seen and overrules(operation.state, news):
        identity = event_id(provider, facts, reading.facts_digest, overruling_poll=True)
        news = replace(news, event_id=identity, repeated=True)
    repeated = seen.get(identity)
    if repeated is None and not (again or news.repeated):
        payloads = {content.payload_digest: content for content in operation.seen}
        known = payloads.get(reading.payload_digest)
        repeated = None if known is None else known.record
    if repeated is not None:
        return Duplicate(repeated, confirm(operation.state, identity, facts.updated_at))
    where = place(operation.state, news)
    event = status_event(provider, source, facts, where, identity, received_at_us, observed)
    return NewEvent(identity, event, to_json(event), where.state)
