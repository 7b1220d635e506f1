"""Kafka, as the relay needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from receiver.model.frozen import dataclass
from receiver.model.records import Position


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka record, ready to send. ``record`` is the outbox number it came from."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    record: int


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
