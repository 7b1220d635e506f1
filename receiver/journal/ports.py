"""What the loops need from outside: the stores, Kafka, the clock. Adapters implement them; ``testing`` has the fakes.

A port is what we need, not what a driver offers. Unless said, methods are synchronous, block for at most one
fsynced transaction, and raise ``StoreFailed`` when the disk or database refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from receiver.model.callback import EntryId, JournalEntry, VerifiedCallback
from receiver.model.operation import Operation
from receiver.model.records import OutboxBatch, OutboxRecord, Position, Progress, Quarantined, Request


class Inbox(Protocol):
    """Where verified callbacks are made safe; used by the intake process only."""

    async def append(self, callback: VerifiedCallback) -> int:
        """Commit ``callback`` with an fsync and give its number; raises ``Unavailable`` if it cannot be made safe.

        Callbacks that wait at the same moment share one commit. When it returns, the callback survives any crash;
        when it raises, nothing of it is kept that would not be deduplicated on retry.
        """

    def accepting(self) -> str | None:
        """None while callbacks are taken, else why not: ``stopping``, ``disk_full``, ``queue_full``."""


class InboxReader(Protocol):
    """The inbox in order, for the relay and the command line."""

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Up to ``limit`` entries with a number above ``after``, ascending; short steps, so that the WAL can shrink."""

    def entry(self, number: int) -> JournalEntry | None:
        """One entry; None where it was purged or never was."""

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new inbox."""


class RequestsReader(Protocol):
    """Requests in order, for the relay."""

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests with a number above ``after``, ascending."""


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

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those entries among ``ids`` that are or were in quarantine."""

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
