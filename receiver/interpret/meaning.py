"""What a verified callback means, in the light of what its operation has seen. Pure.

``read`` turns its bytes into facts and knows nothing of other callbacks; ``interpret`` compares the facts with what
the operation has seen, and makes an event of them or finds the event that they repeat. A callback repeats an event
where its event id is the same, or where its payload in canonical form is: a release that reads the same payload
otherwise then makes no second event of a provider's retry. That holds for as long as the operation is known, also for
contents that retention has taken (``model.forgotten``), and for the effective one above all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from receiver.interpret.lifecycle import Content, confirm, decide, overrules
from receiver.interpret.status_event import Observed, event_id, facts_digest, status_event, to_json
from receiver.model.callback import VerifiedCallback
from receiver.model.cards import mask_cards
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import payload_digest, read_json
from receiver.model.forgotten import holds, lost_some
from receiver.model.frozen import dataclass
from receiver.model.operation import Facts, Operation, OperationState, operation_key
from receiver.providers.contract import Provider, Source


@dataclass(frozen=True, slots=True)
class Reading:
    """What a callback says, before anyone asked whether it was said before."""

    key: str
    """The operation's, as ``operation_key`` makes it."""
    facts: Facts
    facts_digest: str
    payload_digest: bytes
    unknown_fields: frozenset[str]
    """Names of body fields that mean nothing to us: a provider's change shows here first. Card numbers are masked."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nobody can say what the callback means: it goes to quarantine. ``detail`` names a path in it, never a value."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """It was never said before: the event, and the operation's state after it."""

    event_id: str
    event: dict[str, Any]
    """The status event, with every key."""
    value: bytes
    """The event's JSON, as Kafka holds it."""
    state: OperationState


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It was said before."""

    record: int | None
    """The outbox number of the event that said it; None where nobody knows it any more."""
    state: OperationState | None
    """The operation's state after it; None where nothing changes."""


def read(callback: VerifiedCallback, provider: Provider, source: Source, *, observed: Observed = "webhook") -> Reading:
    """Read a callback, or what the API said; raises ``NotUnderstood`` with the first reason that holds."""
    document = read_json(callback.body)
    if not isinstance(document, dict):
        raise NotUnderstood("schema", "$")
    api = provider.api if observed == "poll" else None
    if api is None:
        facts, known_fields = provider.normalise(provider.parse(document, source), source), provider.known_fields
    else:
        facts, known_fields = api.normalise(api.parse(document, source), source), api.known_fields(source)
    return Reading(
        key=operation_key(provider.slug, facts.account, facts.kind.name, facts.operation_id),
        facts=facts,
        facts_digest=facts_digest(facts),
        payload_digest=payload_digest(document),
        unknown_fields=_public_names(frozenset(document) - known_fields),
    )


UNKNOWN_NAME_MAX = 100
"""Characters of a field's name that are kept: a provider's own are short."""


def _public_names(names: frozenset[str]) -> frozenset[str]:
    return frozenset([mask_cards(name)[:UNKNOWN_NAME_MAX] for name in names]) if names else names


def interpret(  # noqa: PLR0913  all that the answer depends on, and nothing else
    reading: Reading,
    operation: Operation,
    *,
    provider: str,
    source: str,
    arrival: int,
    received_at_us: int,
    observed: Observed = "webhook",
    interpreted_before: bool = False,
) -> NewEvent | Duplicate:
    """Say whether a reading is a new event of its operation or repeats one, and where it stands among the others.

    ``arrival`` is the callback's inbox number, ``received_at_us`` its time of receipt, Unix microseconds.
    ``interpreted_before`` is set by redrive and reprocess: the operation may have seen this very payload, and today's
    code may read it otherwise; so only an equal event id makes it a duplicate, and not an equal payload.
    """
    facts = reading.facts
    identity = event_id(provider, facts, reading.facts_digest)
    content = Content(
        event_id=identity,
        provider_status=facts.provider_status,
        step=facts.step,
        updated_at=facts.updated_at,
        arrival=arrival,
        anomalies=facts.anomalies,
        polled=observed == "poll",
        doubtful=lost_some(operation.forgotten) and observed == "webhook" and not interpreted_before,
    )
    if _was_event(operation, identity) and overrules(operation.state, content):
        identity = event_id(provider, facts, reading.facts_digest, overruling_poll=True)
        content = replace(content, event_id=identity, repeated=True)
    payload = None if interpreted_before or content.repeated else reading.payload_digest
    if _was_event(operation, identity, payload):
        record = _record_of(operation, identity, payload)
        return Duplicate(record, confirm(operation.state, identity, facts.updated_at))
    verdict = decide(operation.state, content)
    event = status_event(provider, source, facts, verdict, identity, received_at_us, observed)
    return NewEvent(identity, event, to_json(event), verdict.state)


def _was_event(operation: Operation, identity: str, payload: bytes | None = None) -> bool:
    if identity == operation.state.event_id or _record_of(operation, identity, payload) is not None:
        return True
    forgotten = operation.forgotten
    return bool(forgotten) and (holds(forgotten, identity) or (payload is not None and holds(forgotten, payload)))


def _record_of(operation: Operation, identity: str, payload: bytes | None) -> int | None:
    record = {seen.event_id: seen.record for seen in operation.seen}.get(identity)
    if record is None and payload is not None:
        record = {seen.payload_digest: seen.record for seen in operation.seen}.get(payload)
    return record
