"""The topics: made with `receiver topics create`, and held to the shape that publishing takes for granted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka import TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from receiver.model.errors import KafkaUnavailable, ReceiverError
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, require_topics, topic_leaders, translated
from receiver.publish.ports import Finding

Purpose = Literal["history", "latest", "positions"]
"""What a topic is for: every event, the latest one of each key, or the relay's positions."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = "history"


POSITIONS_CONFIGS = {"cleanup.policy": "compact", "segment.bytes": str(1024 * 1024), "min.cleanable.dirty.ratio": "0.1"}
"""Small segments, compacted early: a start reads the whole topic."""


STATE_CONFIGS = {"cleanup.policy": "compact"}
"""The latest effective event per operation."""

HISTORY_CONFIGS = {"cleanup.policy": "delete"}
"""Every event, until it is old. Said and not left to the broker, whose own default could be another."""


KNOWN_TRIES, KNOWN_PAUSE_S = 100, 0.05
"""How often a broker is asked whether it knows of a topic that was made, and the time between."""


def alter(bootstrap: str, topic: str, key: str, value: object) -> str:
    """The command that changes a setting of a topic."""
    return (
        f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics --entity-name {topic} "
        f"--add-config {key}={value}"
    )


RETENTION_KEYS = ("cleanup.policy", "retention.ms", "message.timestamp.type")
"""Of a topic's configuration: what decides how long its records stay."""


def shape_findings(bootstrap: str, name: str, purpose: Purpose, partitions: int, cleanup: str | None) -> list[Finding]:
    """What of a topic's shape is not as it must be; ``cleanup`` is its policy, None where it may not be looked at."""
    found = []
    if purpose == "positions" and partitions != 1:
        text = f"topic {name} has {partitions} partitions, and must have exactly one"
        found.append(
            Finding(
                fault=True,
                text=text,
                mend=f"delete it (kafka-topics.sh --bootstrap-server {bootstrap} --delete --topic {name}), "
                "run `receiver topics create`, and where the relay then stops `receiver journal rejoin`",
            )
        )
    policies = {policy.strip() for policy in (cleanup or "").split(",") if policy.strip()}
    wrong = _cleanup_fault(purpose, policies) if policies else ""
    if wrong:
        wanted = "delete" if purpose == "history" else "compact"
        text = f"topic {name} has cleanup.policy={cleanup}, and must have {wanted}: {wrong}"
        found.append(Finding(fault=True, text=text, mend=alter(bootstrap, name, "cleanup.policy", wanted)))
    return found


def _cleanup_fault(purpose: Purpose, policies: Collection[str]) -> str:
    if purpose == "history":
        return "compacted, it loses all but the latest event of each operation" if "compact" in policies else ""
    if policies == {"compact"}:
        return ""
    if purpose == "positions":
        return "Kafka would forget the position of a journal that is silent for long"
    return "Kafka would forget operations that nothing happens to for long"


def retention_findings(name: str, config: Mapping[str, str], off_ms: int | None) -> list[Finding]:
    """Whether a topic keeps what is published now. Kafka goes by the records' timestamps, which are this clock's.

    ``config`` has ``RETENTION_KEYS`` as far as they may be looked at; ``off_ms``: how far this clock is ahead of the
    brokers', negative behind it, None where they do not tell.
    """
    stamped_here = config.get("message.timestamp.type") != "LogAppendTime"
    kept_ms, behind_ms = int(config.get("retention.ms", "-1")), -(off_ms or 0)
    if not stamped_here or "delete" not in config.get("cleanup.policy", "") or not 0 <= kept_ms <= behind_ms:
        return []
    text = f"topic {name} has retention.ms={kept_ms}, and this machine's clock is {behind_ms / 1000:.1f} s behind: "
    text += "Kafka deletes what we publish as soon as it looks, read or not"
    return [Finding(fault=True, text=text, mend="set this machine's clock, and keep it with NTP")]


async def create_topics(options: Mapping[str, Any], specs: Sequence[TopicSpec]) -> list[tuple[str, str]]:
    """Make what is missing; gives (topic, ``created`` or ``exists``). Safe to repeat.

    Raises ``ReceiverError`` where a topic is cleaned up in a way that loses what it is for; and, once all that was
    missing is made, where one has another number of partitions: to change that would break the order per key.
    """
    async with admin_client(options) as admin:
        async with translated(CALL_TIMEOUT_S):
            described = {topic["topic"]: topic for topic in await admin.describe_topics([spec.name for spec in specs])}
        there = {
            spec.name: len(described[spec.name]["partitions"])
            for spec in specs
            if described[spec.name]["error_code"] == 0
        }
        wrong = await _misshapen(admin, options, specs, there)
        if wrong:
            raise ReceiverError("\n".join(wrong))
        missing = [spec for spec in specs if spec.name not in there]
        if missing:
            async with translated(CALL_TIMEOUT_S):
                answer = await admin.create_topics([_new_topic(spec) for spec in missing])
            _raise_refused(answer.topic_errors)
            await _until_there(admin, [spec.name for spec in missing])
    created = {spec.name for spec in missing}
    repartitioned = _repartitioned(specs, there)
    if repartitioned:
        # Partitions are added to a topic now and then: that keeps nobody from having another one made anew.
        raise ReceiverError("\n".join([*(f"topic {name} was made" for name in sorted(created)), *repartitioned]))
    return [(spec.name, "created" if spec.name in created else "exists") for spec in specs]


async def _until_there(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    # The controller answers before the brokers know: who asks one of them at once would find the topic missing.
    for _ in range(KNOWN_TRIES):
        _, unknown = await topic_leaders(admin, names)
        if not unknown:
            return
        await asyncio.sleep(KNOWN_PAUSE_S)


async def _misshapen(
    admin: AIOKafkaAdminClient, options: Mapping[str, Any], specs: Sequence[TopicSpec], there: Mapping[str, int]
) -> list[str]:
    configs = await topic_configs(admin, list(there), ["cleanup.policy"]) if there else {}
    bootstrap = bootstrap_of(options)
    wrong: list[str] = []
    for spec in (spec for spec in specs if spec.name in there):
        count, cleanup = there[spec.name], configs.get(spec.name, {}).get("cleanup.policy")
        found = shape_findings(bootstrap, spec.name, spec.purpose, count, cleanup)
        wrong += [f"{finding.text}; {finding.mend}" for finding in found]
    return wrong


def _repartitioned(specs: Sequence[TopicSpec], there: Mapping[str, int]) -> list[str]:
    return [
        f"topic {spec.name} has {there[spec.name]} partitions, not {spec.partitions}: changing that would break the "
        "order per key; set kafka.topics.partitions to what is there, or leave it where partitions were added"
        for spec in specs
        if spec.name in there and spec.purpose != "positions" and there[spec.name] != spec.partitions
    ]


async def require_positions(
    admin: AIOKafkaAdminClient, options: Mapping[str, Any], topic: str
) -> dict[TopicPartition, int]:
    """Give the leader of the positions topic's partition.

    Raises ``KafkaUnavailable`` where it is missing, has more than one or loses what it is for.
    """
    leaders = await require_topics(admin, [topic])
    configs = await topic_configs(admin, [topic], ["cleanup.policy"])
    cleanup = configs.get(topic, {}).get("cleanup.policy")
    for finding in shape_findings(bootstrap_of(options), topic, "positions", len(leaders), cleanup):
        raise KafkaUnavailable(f"{finding.text}; {finding.mend}")
    return leaders


async def topic_configs(
    admin: AIOKafkaAdminClient, topics: Collection[str], keys: Collection[str]
) -> dict[str, dict[str, str]]:
    """Topic → setting → value, without those topics whose settings this client may not see."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(keys)) for topic in topics]
    async with translated(CALL_TIMEOUT_S):
        try:
            answers = await admin.describe_configs(resources)
        except (errors.IncompatibleBrokerVersion, NotImplementedError):
            return {}
    return {
        name: {entry[0]: entry[1] for entry in entries if entry[1] is not None}
        for answer in answers
        for error_code, _, _, name, entries in answer.resources
        if error_code == 0
    }


def counts(leaders: Iterable[TopicPartition]) -> dict[str, int]:
    """Topic → the number of its partitions."""
    return dict(Counter(partition.topic for partition in leaders))


def bootstrap_of(options: Mapping[str, Any]) -> str:
    """The addresses as Kafka's own commands take them."""
    return ",".join(options["bootstrap_servers"])


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
