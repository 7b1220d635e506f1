"""What people ask of a journal, as a port: one operation's story, what is in quarantine, what providers changed.

Everything here reads, and nothing of the service's own way depends on it; an engine may answer it from indexes of its
own. The same rules hold as for the stores in ``ports``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from receiver.model.callback import EntryId
from receiver.model.records import OutboxRecord, Outcome, Quarantined, QuarantineFilter

OPERATIONS_MAX = 20
"""Operations of one id that are named: more than providers, accounts and kinds that could share one."""
UNKNOWN_FIELDS_MAX = 200
"""Names of unknown fields kept for a source: far above what any provider has, and no way to fill a disk."""
UNKNOWN_FIELD_CHARACTERS_MAX = 100
"""Of such a name; what is longer is cut."""
OTHER_FIELDS = "(others)"
"""The name under which all are counted that come above ``UNKNOWN_FIELDS_MAX``."""


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """An operation that a person asked for."""

    number: int
    """The outbox's own, for ``arrivals`` and ``records_of``."""
    key: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None lets all through."""

    event_id: str | None = None
    provider: str | None = None
    source: str | None = None
    family: str | None = None
    kind: str | None = None
    operation_id: str | None = None
    status: str | None = None
    since: str | None = None
    """Received at or after this time, RFC 3339 UTC with microseconds."""
    until: str | None = None
    """Received before this time."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field of bodies that means nothing to us."""

    source: str
    field: str
    callbacks: int
    """How many had it."""
    first_seen: str
    """RFC 3339 UTC."""


class Search(Protocol):
    """Looking things up."""

    def operations_by_key(self, keys: Collection[str]) -> list[FoundOperation]:
        """Those among ``keys`` that are known, by an index, in the order in which they were first heard of."""

    def operations_by_id(self, operation_id: str) -> list[FoundOperation]:
        """Up to ``OPERATIONS_MAX`` operations with exactly this id of their provider, the oldest first.

        May read all operations there are.
        """

    def operations_by_prefix(self, prefix: str) -> list[FoundOperation]:
        """Up to ``OPERATIONS_MAX`` operations whose id of their provider begins so, the oldest first.

        May read all operations there are. The prefix is not empty.
        """

    def events(self, wanted: EventFilter, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Events with a number above ``after`` that the filter lets through, ascending.

        At most ``limit``, and fewer where they are large; none means that there are none. May look at every record
        above ``after``, and at the value of none that it does not give.
        """

    def arrivals(self, operation: int) -> list[Outcome]:
        """What became of each entry about one operation: callbacks in order of receipt, then answers in theirs."""

    def records_of(self, operation: int) -> list[int]:
        """Outbox numbers of an operation's events, ascending."""

    def record(self, number: int) -> OutboxRecord | None:
        """One outbox record, None where it was purged or never was."""

    def records(self, numbers: Sequence[int]) -> Sequence[OutboxRecord]:
        """Those among some outbox records that are there, in the order of ``numbers``: a few, since all are whole."""

    def quarantine(self, wanted: QuarantineFilter, after: EntryId | None, limit: int) -> Sequence[Quarantined]:
        """Up to ``limit`` standings above ``after`` that the filter lets through: callbacks first, by number."""

    def drift(self) -> list[UnknownField]:
        """Unknown fields by source, the most frequent first."""

    def close(self) -> None:
        """Give it back."""
