"""How it stands between the relay and Kafka: one value, and what it becomes. Pure.

``word`` and ``detail`` are what ``/readyz`` says of it; ``off``, without Kafka, is said by who has no relay to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from receiver.model.records import Position


@dataclass(frozen=True, slots=True)
class Disconnected:
    """No session with Kafka: there was none yet, or the last one failed and the next begins after a while."""

    word: ClassVar[str] = "down"
    position: Position
    """How far the outbox is on Kafka, as far as was known last."""
    detail: str = "not connected yet"
    failures: int = 0
    """Sessions that failed since Kafka confirmed a batch last; the wait before the next one grows with it."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A session: Kafka was asked where it stands, and records are sent."""

    position: Position
    """The last one that Kafka confirmed."""
    cluster_id: str
    noted: Position
    """Up to here the outbox has its local copy of ``position``, or needs none: it was read back from Kafka."""
    detail: str = ""
    """Why records do not go through at this moment; empty while they do."""
    failures: int = 0
    """As while disconnected: that a session began proves nothing."""
    lacking: str = ""
    """What was missing when Kafka was looked at last; empty where nothing was. No record that goes through mends it."""

    @property
    def word(self) -> str:
        """``up`` or ``down``."""
        return "down" if self.detail else "up"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The journal does not fit what Kafka remembers of it: nothing is published until a person has mended that."""

    word: ClassVar[str] = "stopped"
    position: Position
    """How far the outbox is on Kafka, as far as was known last."""
    detail: str
    failures: int = 0
    """As while disconnected."""


State = Disconnected | Connected | Stopped


def connected(before: State, cluster_id: str, position: Position) -> Connected:
    """A session has begun. Whether records go through is found out next: until then it says what it said before."""
    return Connected(position, cluster_id, position, before.detail, before.failures)


def failed(before: State, why: str) -> Disconnected:
    """A session has failed, or could not begin."""
    return Disconnected(before.position, why, before.failures + 1)


def stopped(before: State, why: str) -> Stopped:
    """What Kafka remembers does not fit."""
    return Stopped(before.position, why, before.failures)


def confirmed(before: Connected, position: Position) -> Connected:
    """Kafka has confirmed a transaction that reaches ``position``: records go through, where their topics are there."""
    return replace(before, position=position, detail=before.lacking, failures=0)


def lacks(before: Connected, what: str) -> Connected:
    """Kafka was looked at, and something is missing, whether a record is meant for it or not."""
    return replace(before, detail=what, lacking=what)


def has_all(before: Connected, *, waiting: bool) -> Connected:
    """Kafka was looked at, and all is there. While records wait, only one that goes through proves that they do."""
    return replace(before, detail=before.detail if waiting else "", lacking="")
