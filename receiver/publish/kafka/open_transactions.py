"""Which transactions of one producer are open, by partition: Kafka's ``DescribeProducers`` (KIP-664, since 2.8).

The client library does not speak it, so its two messages are laid out here as the protocol's description has them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition, errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from receiver.model.errors import KafkaUnavailable

PAUSE_MIN_S, PAUSE_MAX_S = 0.001, 0.1
"""Between two questions whether a transaction has ended: a broker writes its marks within milliseconds."""


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString("utf-8")),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("partition_indexes", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeProducers(Request[_Question]):  # type: ignore[misc]
    API_KEY = 61

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        topics: dict[str, list[int]] = defaultdict(list)
        for partition in sorted(partitions):
            topics[partition.topic].append(partition.partition)
        self._topics: list[tuple[str, list[int], dict[int, bytes]]] = [(name, topics[name], {}) for name in topics]

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(self._topics, {})


@dataclass(frozen=True, slots=True)
class Open:
    """What was found."""

    starts: Mapping[TopicPartition, int] = field(default_factory=dict)
    """Partition → offset of the first record of the transaction that is open there."""
    hidden: frozenset[str] = frozenset()
    """Topics that this client may not look into: it is not authorised to read them."""


async def open_transactions(client: AIOKafkaClient, producer_id: int, leaders: Mapping[TopicPartition, int]) -> Open:
    """Ask each partition's leader; raises the client's errors, also where a leader is one no more.

    A broker that is too old to be asked hides all its topics. The questions do not go where records go: a broker that
    holds this client to a quota reads nothing from that connection for a while.
    """
    by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
    for partition, leader in leaders.items():
        by_leader[leader].append(partition)
    try:
        answers = [
            await client.send(leader, _DescribeProducers(asked), group=ConnectionGroup.COORDINATION)
            for leader, asked in by_leader.items()
        ]
    except errors.IncompatibleBrokerVersion:
        return Open(hidden=frozenset(partition.topic for partition in leaders))
    starts: dict[TopicPartition, int] = {}
    hidden: set[str] = set()
    for answer in answers:
        for topic, partitions, _ in answer.topics:
            for index, error_code, _, producers, _ in partitions:
                error = errors.for_code(error_code)
                if error is errors.TopicAuthorizationFailedError:
                    hidden.add(topic)
                elif error is not errors.NoError:
                    raise error(f"{topic}-{index}")
                for found_id, _, _, _, _, start, _ in producers or ():
                    if found_id == producer_id and start >= 0:
                        starts[TopicPartition(topic, index)] = start
    return Open(starts, frozenset(hidden))


async def until_ended(
    client: AIOKafkaClient, producer_id: int, leaders: Mapping[TopicPartition, int], wait_s: float
) -> None:
    """Wait until no transaction of the producer is open there, as far as it may look.

    Raises the client's errors, and ``KafkaUnavailable`` after ``wait_s``.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    pause_s = PAUSE_MIN_S
    while starts := (await open_transactions(client, producer_id, leaders)).starts:
        if asyncio.get_running_loop().time() > deadline:
            raise KafkaUnavailable(f"a transaction was confirmed and not ended on {named(starts)}")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def named(partitions: Collection[TopicPartition]) -> str:
    """For people."""
    return ", ".join(f"{partition.topic}-{partition.partition}" for partition in sorted(partitions))
