"""What it takes to forget one operation, as values: what is destroyed, and the record of it that stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from receiver.model.records import OutboxRecord


@dataclass(frozen=True, slots=True)
class Erasure:
    """All that a journal holds of one operation and that could say whose it is."""

    operation: str
    """The key, which stays: by it a late callback is known for one."""
    callbacks: tuple[int, ...] = ()
    """Inbox numbers: headers and bodies go, and the rows with them."""
    answers: tuple[int, ...] = ()
    """Numbers of requests: what the provider's API said."""
    records: tuple[OutboxRecord, ...] = ()
    """What stands in the place of each of the operation's records, with nothing in it that is anybody's."""
    rejects: tuple[int, ...] = ()
    """Refused callbacks of the sample that name it."""
    watched: tuple[tuple[str, str], ...] = ()
    """(source, the provider's id) under which its API would be asked for all of it again."""

    def what(self) -> dict[str, Any]:
        """The numbers alone, for the record of the act."""
        return {
            "callbacks": list(self.callbacks),
            "answers": list(self.answers),
            "records": [record.number for record in self.records],
            "rejects": list(self.rejects),
        }


@dataclass(frozen=True, slots=True)
class Erased:
    """The record of an erasure, without anything that was erased."""

    operation: str
    erased_at_us: int
    who: str
    reason: str
    what: Mapping[str, Any]
    """As ``Erasure.what`` gives it."""
