"""The status event itself: its identity, and its JSON in the contract's order.

One plain dictionary and one serialisation per event: measured, a second pydantic model per event is the largest cost
that can be avoided. A test holds the dictionary against ``exchange_events.StatusEvent``.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Literal

import orjson

from receiver.interpret.lifecycle import Verdict
from receiver.model.cards import DIGITS_MIN, mask_cards
from receiver.model.exact_json import canonical_json
from receiver.model.operation import Facts
from receiver.model.times import from_us

NAMESPACE = uuid.UUID("828e2328-3b1e-459f-a28b-c6b4e311901e")
"""Of event ids, for ever (``providers/mapping``, "Identity")."""
UUID_VERSION = "5"
UUID_VARIANT = {digit: f"{int(digit, 16) & 3 | 8:x}" for digit in "0123456789abcdef"}
"""Hexadecimal digit → the same with its two upper bits set to RFC 9562's variant."""

IDENTITY = (
    "spent",
    "received",
    "payout",
    "fees",
    "price",
    "usd",
    "swapped",
    "risk",
    "failure",
    "transaction_hash",
    "reference",
    "meta",
    "created_at",
)
"""The fields in which two contents of one status word differ, if they are two; a later version may never add to it."""

_identity_of = attrgetter(*IDENTITY)
Observed = Literal["webhook", "poll"]


def facts_digest(facts: Facts) -> str:
    """SHA-256, lower-case hex, of what a callback says: these fields and never others, null and empty ones left out."""
    content = _without_empty_fields(zip(IDENTITY, _identity_of(facts), strict=True))
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _without_empty_fields(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    # Null and empty left out at every depth; a text needs no look inside, which saves most of the calls.
    kept = {}
    for name, field in fields:
        if field is None:
            continue
        value = field if type(field) is str else _without_empty(field)
        if value or value is False:
            kept[name] = value
    return kept


def _without_empty(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return _without_empty_fields(value.items())
    if kind is tuple or kind is list:
        items = [item if type(item) is str else _without_empty(item) for item in value]
        return [item for item in items if item or item is False]
    return value


def event_id(provider: str, facts: Facts, digest: str, *, overruling_poll: bool = False) -> str:
    """UUIDv5 of operation, status word and facts: the same on every host, every retry and every version.

    ``overruling_poll`` makes another id of the same: the provider's answer that a content which had lost holds after
    all is an event of its own.
    """
    identity = [provider, facts.account, facts.kind.name, facts.operation_id, facts.provider_status, digest]
    if overruling_poll:
        identity.append("poll")
    return _uuid5(canonical_json(identity))


def _uuid5(name: bytes) -> str:
    # By hand from SHA-1: measured, half the cost of uuid.uuid5, which a test holds it against.
    head = hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).hexdigest()
    variant = UUID_VARIANT[head[16]]
    return f"{head[:8]}-{head[8:12]}-{UUID_VERSION}{head[13:16]}-{variant}{head[17:20]}-{head[20:32]}"


def status_event(  # noqa: PLR0913, PLR0917  the event's parts, in one call per event
    provider: str, source: str, facts: Facts, verdict: Verdict, identity: str, received_at_us: int, observed: Observed
) -> dict[str, Any]:
    """Build StatusEvent v1: every key, in the contract's order, card numbers masked.

    ``identity`` was made of the facts as they came, so that masking changes no event's id.
    """
    step = facts.step
    event = {
        "schema_version": "1",
        "event_id": identity,
        "provider": provider,
        "source": source,
        "account": facts.account,
        "family": facts.kind.family,
        "kind": facts.kind.name,
        "operation_id": facts.operation_id,
        "reference": facts.reference,
        "meta": facts.meta,
        "status": step.status,
        "provider_status": facts.provider_status,
        "terminal": step.terminal,
        "sequence": verdict.sequence,
        "revision": verdict.revision,
        "effective": verdict.effective,
        "anomalies": verdict.anomalies,
        "spent": facts.spent,
        "received": facts.received,
        "payout": facts.payout,
        "fees": facts.fees,
        "price": facts.price,
        "usd": facts.usd,
        "swapped": facts.swapped,
        "risk": facts.risk,
        "failure": facts.failure,
        "transaction_hash": facts.transaction_hash,
        "created_at": facts.created_at,
        "updated_at": facts.updated_at,
        "received_at": from_us(received_at_us),
        "observed_via": observed,
    }
    _mask(event)
    return event


TEXTS = ("reference", "meta", "risk", "transaction_hash")
TEXTS_WITHIN = (
    ("spent", ("currency", "network")),
    ("received", ("currency", "network")),
    ("payout", ("destination", "currency", "network")),
    ("failure", ("message", "code")),
)
"""Texts that a provider wrote. The other fields are words of ours, amounts and times by their grammar, and what the
operation is known by: its account and its id."""


def _mask(event: dict[str, Any]) -> None:
    for name in TEXTS:
        text = event[name]
        if text is not None and len(text) >= DIGITS_MIN:
            event[name] = mask_cards(text)
    for name, texts in TEXTS_WITHIN:
        if event[name] is not None:
            event[name] = _masked(event[name], texts)
    if event["fees"]:
        event["fees"] = [_masked(fee, ("currency",)) for fee in event["fees"]]
    price = event["price"]
    if price is not None and price["pair"] is not None:
        event["price"] = price | {"pair": [mask_cards(ticker) for ticker in price["pair"]]}


def _masked(part: dict[str, Any], texts: tuple[str, ...]) -> dict[str, Any]:
    # The part belongs to the facts too: it is not changed, but another one takes its place.
    for name in texts:
        text = part[name]
        if text is not None and len(text) >= DIGITS_MIN:
            part = part | {name: mask_cards(text)}
    return part


def to_json(event: dict[str, Any]) -> bytes:
    """Serialise as Kafka holds it."""
    return orjson.dumps(event)
