"""What a topic takes: the limits on size and timestamps that its brokers hold records against."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient

from receiver.model.errors import ReceiverError
from receiver.publish.kafka.topics import topic_configs

BYTES = "max.message.bytes"
BEFORE, AFTER = "message.timestamp.before.max.ms", "message.timestamp.after.max.ms"
EITHER = "message.timestamp.difference.max.ms"
"""Both of them, for brokers before 3.6."""
NO_LIMIT_MS = 2**62
"""Kafka's word for none is the largest number that it has, which is above this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one topic; None: there is no limit, or nobody tells."""

    batch_bytes: int | None = None
    before_ms: int | None = None
    """How far behind the broker's clock a record's timestamp may be."""
    after_ms: int | None = None
    """How far ahead of it."""


async def topic_limits(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, Limits]:
    """Ask; a topic that this client may not be told about (it needs the ACL DescribeConfigs) is left out."""
    with contextlib.suppress(ReceiverError):  # only good to know: the brokers hold records against it themselves
        configs = await topic_configs(admin, topics, [BYTES, BEFORE, AFTER, EITHER])
        return {topic: limits_of(config) for topic, config in configs.items()}
    return {}


def limits_of(configs: Mapping[str, str]) -> Limits:
    """Read a topic's configuration."""
    either = _number(configs.get(EITHER))
    return Limits(
        _number(configs.get(BYTES)),
        _number(configs.get(BEFORE)) if BEFORE in configs else either,
        _number(configs.get(AFTER)) if AFTER in configs else either,
    )


def _number(value: str | None) -> int | None:
    if value is None or not value.lstrip("-").isdigit() or int(value) >= NO_LIMIT_MS:
        return None
    return int(value)
