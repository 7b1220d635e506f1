"""The topics on a real broker: made once, never repartitioned."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import NewTopic
from kafka_local import LocalKafka

from receiver.model.errors import ReceiverError
from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.topics import (
    HISTORY_CONFIGS,
    POSITIONS_CONFIGS,
    STATE_CONFIGS,
    Purpose,
    TopicSpec,
    create_topics,
    missing_topics,
    topic_configs,
)

pytestmark = pytest.mark.kafka


async def test_topics_are_made_once_and_never_repartitioned(kafka: LocalKafka, prefix: str) -> None:
    """Safe to repeat; another partition count is refused, since it would break the order per key."""
    options = client_options([kafka.bootstrap], {})
    specs = [TopicSpec(f"{prefix}a", 3, 1), TopicSpec(f"{prefix}b", 1, 1, POSITIONS_CONFIGS, "positions")]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == [f"{prefix}a", f"{prefix}b"]
    assert await create_topics(options, specs) == [(f"{prefix}a", "created"), (f"{prefix}b", "created")]
    assert await create_topics(options, specs) == [(f"{prefix}a", "exists"), (f"{prefix}b", "exists")]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == []


async def test_added_partitions_keep_nobody_from_a_topic_that_is_missing(kafka: LocalKafka, prefix: str) -> None:
    """A positions topic that was deleted is made anew beside topics that have more partitions than configured."""
    options = client_options([kafka.bootstrap], {})
    await create_topics(options, [TopicSpec(f"{prefix}a", 3, 1)])
    specs = [TopicSpec(f"{prefix}a", 6, 1), TopicSpec(f"{prefix}c", 1, 1, POSITIONS_CONFIGS, "positions")]
    with pytest.raises(ReceiverError) as caught:
        await create_topics(options, specs)
    assert f"topic {prefix}c was made\ntopic {prefix}a has 3 partitions, not 6" in str(caught.value)
    assert await missing_topics(options, [f"{prefix}c"]) == []
    async with admin_client(options) as admin:
        described = await admin.describe_topics([f"{prefix}a"])
    assert len(described[0]["partitions"]) == 3


async def test_an_impossible_replication_is_refused_with_its_reason(kafka: LocalKafka, prefix: str) -> None:
    """Three copies on one broker."""
    options = client_options([kafka.bootstrap], {})
    with pytest.raises(ReceiverError, match=f"topic {prefix}a: .*[Rr]eplication"):
        await create_topics(options, [TopicSpec(f"{prefix}a", 1, 3)])


@pytest.mark.parametrize(
    ("purpose", "partitions", "configs", "says"),
    [
        ("positions", 3, POSITIONS_CONFIGS, "has 3 partitions, and must have exactly one; delete it"),
        ("positions", 1, {}, "cleanup.policy=delete, and must have compact"),
        ("positions", 1, {"cleanup.policy": "compact,delete"}, "and must have compact"),
        ("latest", 1, {}, "and must have compact: Kafka would forget operations"),
        ("history", 1, STATE_CONFIGS, "cleanup.policy=compact, and must have delete: compacted, it loses"),
    ],
)
async def test_a_topic_that_others_made_is_held_to_its_shape(
    kafka: LocalKafka, prefix: str, purpose: Purpose, partitions: int, configs: dict[str, str], says: str
) -> None:
    """It is named with what mends it, and nothing is made beside it."""
    options = client_options([kafka.bootstrap], {})
    name = f"{prefix}a"
    async with admin_client(options) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    while await missing_topics(options, [name]):
        await asyncio.sleep(0.05)
    specs = [TopicSpec(name, 1, 1, {}, purpose), TopicSpec(f"{prefix}b", 1, 1)]
    with pytest.raises(ReceiverError) as caught:
        await create_topics(options, specs)
    assert says in str(caught.value)
    assert kafka.bootstrap in str(caught.value)
    assert await missing_topics(options, [f"{prefix}b"]) == [f"{prefix}b"]


async def test_a_topic_is_made_with_its_own_clean_up(kafka: LocalKafka, prefix: str) -> None:
    """Said, and not left to what the broker has of itself."""
    options = client_options([kafka.bootstrap], {})
    await create_topics(options, [TopicSpec(f"{prefix}a", 1, 1, HISTORY_CONFIGS)])
    async with admin_client(options) as admin:
        assert await topic_configs(admin, [f"{prefix}a"], ["cleanup.policy"]) == {
            f"{prefix}a": {"cleanup.policy": "delete"}
        }
