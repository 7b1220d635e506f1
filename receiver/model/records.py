"""What the journal holds beside callbacks, as values: requests, records, outcomes, quarantine, positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from receiver.model.callback import EntryId, JournalEntry, RawCallback, Store, VerifiedCallback
from receiver.model.frozen import dataclass
from receiver.model.operation import OperationState, Seen


@dataclass(frozen=True, slots=True)
class Request:
    """What did not come by webhook: ``poll`` (learnt from a provider's API), ``redrive``, ``reprocess``."""

    number: int
    request_type: str
    made_at_us: int
    payload: Mapping[str, Any]

    @property
    def polled(self) -> JournalEntry:
        """A ``poll`` as an entry to interpret: payload ``source``, ``body`` (JSON text) and ``after``."""
        body = self.payload["body"].encode()
        said = VerifiedCallback(self.payload["source"], self.made_at_us, (), body)
        return JournalEntry(self.number, said, "requests", self.payload["after"])


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """One record for Kafka, a status event or a quarantine record, in the order of the outbox."""

    number: int
    record_type: str
    """``event``, ``quarantine``, or ``withheld``: one that Kafka refuses in whatever form, which goes nowhere."""
    record_id: str
    """``event_id`` or ``quarantine_id``."""
    provider: str
    source: str
    account: str | None
    family: str
    kind: str
    operation_id: str
    status: str
    effective: bool
    received_at: str
    callback: int | None
    """Inbox number it came from; None for what a provider's API said."""
    traceparent: str | None
    value: bytes
    """The record's value as it is on Kafka, JSON."""
    publish: bool = True
    """False for what was imported as already published: it goes to no topic, and is an event all the same."""
    simulated: bool = False
    """Whether its callback said of itself that a simulator made it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one journal entry: ``event``, ``duplicate`` or ``quarantine``."""

    store: Store
    number: int
    outcome: str
    record: int | None
    """The outbox number of its event or quarantine record; for a duplicate, of the event it repeats."""
    operation: str | None
    """The operation's key, where it could be read."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Where a callback that nobody could read stands."""

    id: EntryId
    source: str
    reason: str
    detail: str
    received_at: str
    """RFC 3339 UTC."""
    state: str
    """``open``, ``redriven`` (it became an event or a duplicate), or ``closed`` (by a person)."""
    why: str
    """What the person said who closed it."""
    record: int | None
    """The outbox number of its quarantine record."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One callback that was refused, and why."""

    number: int
    """In the sample."""
    why: str
    """Our short word for it."""
    raw: RawCallback


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which standings in quarantine are wanted; None lets all through."""

    source: str | None = None
    reason: str | None = None
    since: str | None = None
    """Received at or after this time, RFC 3339 UTC."""
    until: str | None = None
    """Received before this time."""
    state: str | None = "open"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a store has been read: its last number and the digest of that entry, to notice a foreign store."""

    number: int = 0
    digest: bytes = b""


@dataclass(frozen=False, slots=True)
class OutboxBatch:
    """All that one interpreted batch changes, committed as one. Record numbers continue ``Outbox.last_number()``."""

    records: list[OutboxRecord] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    states: dict[str, OperationState] = field(default_factory=dict)
    """Operation key → its new state."""
    seen: list[tuple[str, Seen]] = field(default_factory=list)
    """(operation key, content) in order of publication."""
    progress: dict[str, Progress] = field(default_factory=dict)
    """Store → how far it was read."""
    quarantined: list[Quarantined] = field(default_factory=list)
    """New standings in quarantine, each in place of the one before it."""
    unknown_fields: dict[tuple[str, str], int] = field(default_factory=dict)
    """(source, name of a body field that means nothing to us) → callbacks that had it."""
    last_heard_us: dict[str, int] = field(default_factory=dict)
    """Source → time of receipt of its newest callback, Unix microseconds."""
    polled_at_us: int = 0
    """Time of the newest answer of an API in it, Unix microseconds; an answer is no sign that callbacks arrive."""
    follows: tuple[int, int] | None = None
    """(inbox number, record number) up to which the outbox stood when the batch was made; None: not looked at."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the outbox is on Kafka: the last record's outbox number and its id."""

    number: int
    record_id: str


NOTHING_PUBLISHED = Position(0, "")
"""Where a new journal stands."""
