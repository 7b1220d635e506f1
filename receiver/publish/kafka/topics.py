"""The topics: made with `receiver topics create`, and looked for by `receiver check --kafka`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import errors
from aiokafka.admin import NewTopic

from receiver.model.errors import ReceiverError
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict)


POSITIONS_CONFIGS = {"cleanup.policy": "compact", "segment.bytes": str(1024 * 1024), "min.cleanable.dirty.ratio": "0.1"}
"""Small segments, compacted early: a start reads the whole topic."""


STATE_CONFIGS = {"cleanup.policy": "compact"}
"""The latest effective event per operation."""


async def create_topics(options: Mapping[str, Any], specs: Sequence[TopicSpec]) -> list[tuple[str, str]]:
    """Make what is missing; gives (topic, ``created`` or ``exists``). Safe to repeat.

    Raises ``ReceiverError`` where a topic has another number of partitions: changing it would break the order per key.
    """
    async with admin_client(options) as admin:
        async with translated(CALL_TIMEOUT_S):
            there = {topic["topic"]: topic for topic in await admin.describe_topics()}
        wrong = [
            f"topic {spec.name} has {len(there[spec.name]['partitions'])} partitions, not {spec.partitions}: "
            "changing that would break the order per key; set kafka.topics.partitions to what is there"
            for spec in specs
            if spec.name in there and len(there[spec.name]["partitions"]) != spec.partitions
        ]
        if wrong:
            raise ReceiverError("\n".join(wrong))
        missing = [spec for spec in specs if spec.name not in there]
        if missing:
            async with translated(CALL_TIMEOUT_S):
                answer = await admin.create_topics([_new_topic(spec) for spec in missing])
            _raise_refused(answer.topic_errors)
    created = {spec.name for spec in missing}
    return [(spec.name, "created" if spec.name in created else "exists") for spec in specs]


async def missing_topics(options: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Those of ``names`` that the cluster does not have; raises ``KafkaUnavailable``."""
    async with admin_client(options) as admin, translated(CALL_TIMEOUT_S):
        there = set(await admin.list_topics())
    return [name for name in names if name not in there]


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=dict(spec.configs))


def _raise_refused(topic_errors: Iterable[Any]) -> None:
    harmless = {0, errors.TopicAlreadyExistsError.errno}  # another `topics create` was faster
    refused = [
        f"topic {name}: {errors.for_code(code).__name__}" + (f": {rest[0]}" if rest and rest[0] else "")
        for name, code, *rest in topic_errors
        if code not in harmless
    ]
    if refused:
        raise ReceiverError("\n".join(refused))
