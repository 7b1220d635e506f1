"""A record of the positions topic, as what Kafka remembers; ``tests/contract/publish`` reads a whole topic back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from receiver.model.records import Position
from receiver.publish.kafka.positions import position_in


def read(key: bytes | None, value: bytes | None) -> Position | None:
    """What a record says to the journal ``mine``."""
    record: Any = SimpleNamespace(key=key, value=value)
    return position_in(record, "mine")


def test_a_journals_record_is_its_position() -> None:
    """As ``KafkaPublisher`` writes it."""
    assert read(b"mine", b'{"position":7,"event_id":"id-7"}') == Position(7, "id-7")


@pytest.mark.parametrize("key", [b"another", b"mine2", b"", None])
def test_another_journals_record_is_not_ours(key: bytes | None) -> None:
    """All journals of a cluster share one topic."""
    assert read(key, b'{"position":7,"event_id":"id-7"}') is None


def test_a_record_without_value_says_nothing() -> None:
    """It is how a compacted topic forgets a key."""
    assert read(b"mine", None) is None
