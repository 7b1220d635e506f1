"""An operation at a provider: its kind and lifecycle, what one callback says of it, and what the outbox remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from exchange_events.status_event import Anomaly, Family, Status
from receiver.model.event_parts import EventPart
from receiver.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """One content of an operation that became an event."""

    event_id: str
    payload_digest: bytes
    """SHA-256 of the canonical payload it came from."""
    record: int
    """Its outbox number."""


@dataclass(frozen=True, slots=True)
class OperationState:
    """All that deciding an operation's next event needs. The first event of an operation meets ``NEW_OPERATION``."""

    sequence: int = 0
    """Of its last event; 0: none yet."""
    provider_status: str = ""
    """The status word of the effective event."""
    rank: int = -1
    terminal: bool = False
    updated_at: str | None = None
    """The provider's own time of the effective content, RFC 3339."""
    arrival: int = 0
    """The inbox number of the effective content."""
    event_id: str = ""
    """Of the effective event."""
    revisions: Mapping[str, int] = field(default_factory=dict)
    """Status word → contents published of it so far."""


NEW_OPERATION = OperationState()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as the outbox remembers it."""

    state: OperationState = NEW_OPERATION
    seen: tuple[Seen, ...] = ()
    """Its contents, the oldest first, but for those that retention took."""
    forgotten: bytes = b""
    """The marks of those (``forgotten``)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a lifecycle: what a provider's status word means. A higher rank never gives way to a lower one."""

    status: Status
    rank: int
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation: our name for it, the family whose topic it goes to, and its status words."""

    name: str
    family: Family
    statuses: Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one callback says of its operation, in our words; ``providers/mapping`` says field by field whence.

    Amounts are the provider's digits, times RFC 3339 UTC, parts those of ``plain``. What was not said is None or empty.
    """

    account: str | None
    kind: Kind
    operation_id: str
    provider_status: str
    reference: str | None = None
    meta: str | None = None
    spent: EventPart | None = None
    received: EventPart | None = None
    payout: EventPart | None = None
    swapped: bool | None = None
    risk: str | None = None
    fees: tuple[EventPart, ...] = ()
    price: EventPart | None = None
    usd: EventPart | None = None
    failure: EventPart | None = None
    transaction_hash: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    anomalies: tuple[Anomaly, ...] = ()
    """Those that the payload alone shows: ``partial``, ``kind_missing``."""

    @property
    def step(self) -> Step:
        """The lifecycle row of its status word."""
        return self.kind.statuses[self.provider_status]


KEY_COLONS = 3
"""Of a key none of whose parts has one."""


def operation_key(provider: str, account: str | None, kind: str, operation_id: str) -> str:
    """Join what identifies an operation, so that no two different ones collide: the key on Kafka and in the outbox."""
    plain = f"{provider}:{account or ''}:{kind}:{operation_id}"
    if plain.count(":") == KEY_COLONS and "%" not in plain:
        return plain
    return ":".join(map(key_part, (provider, account or "", kind, operation_id)))


def key_part(part: str) -> str:
    """One part of an operation's key, percent-encoded where it holds what separates parts."""
    return part.replace("%", "%25").replace(":", "%3A")
