"""What the loops need from outside: the stores, Kafka, the clock. Adapters implement them; ``testing`` has the fakes.

A port is what we need, not what a driver offers. Unless said, methods are synchronous, block for at most one
fsynced transaction, and raise ``StoreFailed`` when the disk or database refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from receiver.model.callback import InboxEntry, PolledEntry, VerifiedCallback
from schemas.frozen import dataclass


class Clock(Protocol):
    """Time as an argument: wall clock for stamps, monotonic for waiting. Order never comes from either."""

    def now_us(self) -> int:
        """Unix time, microseconds."""

    def monotonic_s(self) -> float:
        """Seconds since some point; never jumps."""


class Inbox(Protocol):
    """Where verified callbacks are made safe; used by the web process only."""

    async def append(self, callback: VerifiedCallback) -> int:
        """Commit ``callback`` with an fsync and give its number; raises ``Unavailable`` if it cannot be made safe.

        Callbacks that wait at the same moment share one commit. When it returns, the callback survives any crash;
        when it raises, nothing of it is kept that would not be deduplicated on retry.
        """

    def accepting(self) -> str | None:
        """None while callbacks are taken, else why not: ``stopping``, ``disk_full``, ``queue_full``."""


class InboxReader(Protocol):
    """The inbox in order, for the relay and the command line."""

    def read(self, after: int, limit: int) -> Sequence[InboxEntry]:
        """Up to ``limit`` entries with a number above ``after``, ascending; short steps, so that the WAL can shrink."""

    def entry(self, number: int) -> InboxEntry | None:
        """One entry; None where it was purged or never was."""

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new inbox."""


@dataclass(frozen=True, slots=True)
class Request:
    """What did not come by webhook: ``poll`` (learnt from a provider's API), ``redrive``, ``reprocess``."""

    number: int
    request_type: str
    made_at_us: int
    payload: Mapping[str, Any]

    @property
    def polled(self) -> PolledEntry:
        """A ``poll`` as an entry to interpret: payload ``source``, ``body`` (JSON text) and ``after``."""
        body = self.payload["body"].encode()
        said = VerifiedCallback(self.payload["source"], self.made_at_us, (), body)
        return PolledEntry(-self.number, said, self.payload["after"])


class RequestsReader(Protocol):
    """Requests in order, for the relay."""

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests with a number above ``after``, ascending."""


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one journal entry: ``event``, ``duplicate`` or ``quarantine``."""

    store: str
    """``inbox`` or ``requests``."""
    number: int
    outcome: str
    record: int | None
    """The outbox number of its event or quarantine record; for a duplicate, of the event it repeats."""
    operation: str | None
    """The operation's key, where it could be read."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Where a callback that nobody could read stands."""

    number: int
    """Its inbox number, which is its quarantine id; of an API's answer minus its request's number."""
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
class Operation:
    """An operation as the outbox remembers it."""

    state: OperationState = NEW_OPERATION
    seen: tuple[Seen, ...] = ()


class Outbox(Protocol):
    """What callbacks were understood to mean; written by the relay only."""

    def progress(self, store: str) -> Progress:
        """How far ``inbox`` or ``requests`` has been interpreted."""

    def last_number(self) -> int:
        """The highest record number given so far; 0 in a new outbox."""

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The operations among ``keys`` that are known."""

    def commit(self, batch: OutboxBatch) -> None:
        """Commit the whole batch with an fsync, or nothing of it.

        Raises ``StoreFailed`` too where the outbox does not stand at ``batch.follows`` any more.
        """

    def replace(self, record: OutboxRecord) -> None:
        """Put ``record`` in the place of the one with its number, which Kafka refuses; its callback is quarantined."""

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Up to ``limit`` records with a number above ``after``, ascending."""

    def quarantined(self, numbers: Collection[int]) -> dict[int, Quarantined]:
        """Those callbacks among ``numbers`` that are or were in quarantine."""

    def record_id(self, number: int) -> str | None:
        """The id of record ``number``, None where the outbox has no such record."""

    def request_of(self, number: int) -> int | None:
        """The number of the request whose answer became record ``number``."""

    def remembered(self, cluster_id: str) -> Position | None:
        """The local copy of the position last confirmed by this Kafka cluster."""

    def latest_remembered(self) -> tuple[str, Position] | None:
        """The local copy confirmed last, with its cluster id, whatever the cluster."""

    def remember(self, cluster_id: str, position: Position) -> None:
        """Keep the local copy; called after Kafka committed, never before."""


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka record, ready to send. ``record`` is the outbox number it came from."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    record: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far the outbox is on Kafka: the last record's outbox number and its id. ``Position(0, "")``: nothing yet."""

    number: int
    record_id: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a Kafka cluster remembers of this journal."""

    cluster_id: str
    position: Position | None
    note: str = ""
    """What a person should be told of the look into it."""


class Publisher(Protocol):
    """Kafka, as the relay needs it. After any error: ``close`` it, make a new one, ``connect`` again."""

    async def connect(self) -> Memory:
        """Start the producer, which fences an older one, end what it left open, then read back the position.

        Raises ``KafkaUnavailable`` when the cluster or the positions topic is not there.
        """

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Send all messages and the position, in one transaction, or with ``at_least_once`` one after the other.

        Returns when a reader of what is committed can see them.
        Raises ``KafkaUnavailable``, ``KafkaFenced`` or ``RecordRefused``; the transaction is then aborted.
        """

    async def probe(self, topics: Collection[str]) -> None:
        """Raise ``KafkaUnavailable``, naming it, if one of ``topics`` is not there or has no leader."""

    async def close(self) -> None:
        """Let go within a few seconds, whatever state the broker is in; never raises."""
