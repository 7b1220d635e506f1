"""What a topic takes, as its configuration says."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka import limits
from receiver.publish.kafka.limits import Limits, limits_of, topic_limits

BEFORE, AFTER = "message.timestamp.before.max.ms", "message.timestamp.after.max.ms"
EITHER = "message.timestamp.difference.max.ms"
NONE = str(2**63 - 1)


@pytest.mark.parametrize(
    ("configs", "found"),
    [
        ({}, Limits()),
        ({"max.message.bytes": "1048588"}, Limits(batch_bytes=1_048_588)),
        ({BEFORE: NONE, AFTER: "3600000"}, Limits(None, None, 3_600_000)),
        ({EITHER: "1000"}, Limits(None, 1000, 1000)),
        ({EITHER: "1000", AFTER: NONE}, Limits(None, 1000, None)),
        ({"max.message.bytes": "none"}, Limits()),
    ],
)  # fmt: skip
def test_no_limit_is_none_and_older_brokers_have_one_for_both_sides(configs: dict[str, str], found: Limits) -> None:
    """Kafka's word for none is the largest number that it has."""
    assert limits_of(configs) == found


async def test_what_cannot_be_asked_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ACL is not granted, or the broker is too old: records go out all the same."""
    admin: Any = None

    async def hidden(*_: object) -> dict[str, dict[str, str]]:
        return {"b": {"max.message.bytes": "5"}}

    async def away(*_: object) -> dict[str, dict[str, str]]:
        raise KafkaUnavailable("no")

    monkeypatch.setattr(limits, "topic_configs", hidden)
    assert await topic_limits(admin, ["a", "b"]) == {"b": Limits(5)}
    monkeypatch.setattr(limits, "topic_configs", away)
    assert await topic_limits(admin, ["a", "b"]) == {}
