"""Questions to a cluster that the client library has no message for, laid out as the protocol's description has them.

None of them makes a topic or writes a record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.transaction import AddPartitionsToTxnRequest
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    String,
    TaggedFields,
)

UNKNOWN_TO_BROKER = (errors.IncompatibleBrokerVersion, NotImplementedError)
"""What the library raises where a broker does not know a message in a version that we speak."""
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
"""Kafka's numbers of what access control allows or not."""
NOBODYS_PRODUCER = (1 << 63) - 1
"""A producer id that no coordinator gives."""


class _MetadataAnswer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", String()),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("index", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("operations", Int32),
    )


class _MetadataQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataAnswer
    SCHEMA = Schema(
        ("topics", Array(String())),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _Metadata(Request[_MetadataQuestion]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataQuestion]) -> _MetadataQuestion:
        return request_struct_class(self._topics, False, True, True)  # noqa: FBT003  by position, as all of them


_REPLICA = (
    ("replica_id", Int32),
    ("end", Int64),
    ("fetched_ms", Int64),
    ("caught_up_ms", Int64),
    ("tags", TaggedFields),
)


class _QuorumAnswer(Response):  # type: ignore[misc]
    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("index", Int32),
                        ("error_code", Int16),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", CompactArray(*_REPLICA)),
                        ("observers", CompactArray(*_REPLICA)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumQuestion(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 55
    API_VERSION = 1
    RESPONSE_TYPE = _QuorumAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                ("partitions", CompactArray(("index", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Quorum(Request[_QuorumQuestion]):  # type: ignore[misc]
    API_KEY = 55

    def build(self, request_struct_class: type[_QuorumQuestion]) -> _QuorumQuestion:
        return request_struct_class([("__cluster_metadata", [(0, {})], {})], {})


class _QuotasAnswer(Response):  # type: ignore[misc]
    API_KEY = 48
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", String()),
        (
            "entries",
            Array(
                ("entity", Array(("kind", String()), ("name", String()))),
                ("values", Array(("key", String()), ("value", Float64))),
            ),
        ),
    )


class _QuotasQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY = 48
    API_VERSION = 0
    RESPONSE_TYPE = _QuotasAnswer
    SCHEMA = Schema(
        ("components", Array(("kind", String()), ("match_type", Int8), ("match", String()))), ("strict", Boolean)
    )


class _Quotas(Request[_QuotasQuestion]):  # type: ignore[misc]
    API_KEY = 48

    def build(self, request_struct_class: type[_QuotasQuestion]) -> _QuotasQuestion:
        return request_struct_class([], False)  # noqa: FBT003


@dataclass(frozen=True, slots=True)
class Replicas:
    """Of one partition."""

    leader: int
    """-1: there is none."""
    assigned: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class TopicSeen:
    """A topic as a broker describes it to this client."""

    error: str = ""
    """The protocol's name for why it cannot be used, ``UNKNOWN_TOPIC_OR_PARTITION`` where it is missing."""
    partitions: tuple[Replicas, ...] = ()
    allowed: frozenset[str] | None = None
    """Of ``OPERATIONS`` those that access control allows; None where the broker is too old to tell."""


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """What one question about topics tells."""

    throttled_ms: int
    brokers: tuple[int, ...]
    topics: Mapping[str, TopicSeen] = field(default_factory=dict)


async def ask_topics(client: AIOKafkaClient, topics: Collection[str]) -> ClusterSeen:
    """Describe ``topics`` as this client may see them; raises the client's errors, ``UNKNOWN_TO_BROKER`` too."""
    answer = await client.send(client.get_random_node(), _Metadata(topics))
    found = {}
    for error_code, name, _, partitions, operations in answer.topics:
        replicas = tuple(
            Replicas(leader, len(assigned), len(in_sync)) for _, _, leader, _, assigned, in_sync, _ in partitions
        )
        allowed = frozenset(word for word, bit in OPERATIONS.items() if operations & (1 << bit))
        found[name] = TopicSeen(error_name(error_code), replicas, None if operations == -(1 << 31) else allowed)
    return ClusterSeen(answer.throttle_time_ms, tuple(broker[0] for broker in answer.brokers), found)


async def ask_transactional(client: AIOKafkaClient, transactional_id: str, topic: str) -> str:
    """Ask whether this client may use a transactional id; the protocol's name for why not, empty where it may.

    A producer that is nobody's asks to write to ``topic``: whether it may is looked at first, and then the coordinator
    does not know it. Nothing is begun, and no producer is fenced. Raises the client's errors.
    """
    request = AddPartitionsToTxnRequest(transactional_id, NOBODYS_PRODUCER, 0, [(topic, [0])])
    answer = await client.send(client.get_random_node(), request)
    names = {error_name(code) for _, partitions in answer.errors for _, code in partitions}
    return next((name for name in names if name == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"), "")


async def ask_clock_ms(client: AIOKafkaClient) -> int | None:
    """What the controller takes for the time, Unix milliseconds; None where it may or can not be asked (KIP-836)."""
    answer = await client.send(client.get_random_node(), _Quorum())
    if answer.error_code != 0:
        return None
    times = [
        replica[3]
        for _, partitions, _ in answer.topics
        for partition in partitions
        for replica in (*partition[5], *partition[6])
    ]
    return max(times, default=-1) if max(times, default=-1) > 0 else None


async def ask_quotas(client: AIOKafkaClient) -> list[tuple[dict[str, str | None], dict[str, float]]] | None:
    """Give (whom it is for, what it is) of each quota; None where they may not be asked for (KIP-546)."""
    answer = await client.send(client.get_random_node(), _Quotas())
    if answer.error_code != 0 or answer.entries is None:
        return None
    return [(dict(entity), dict(values)) for entity, values in answer.entries]


def error_name(code: int) -> str:
    """The protocol's name for an error, empty for none."""
    error: Any = errors.for_code(code)
    return "" if code == 0 else str(getattr(error, "message", error.__name__))
