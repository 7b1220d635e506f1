"""The topics on a real broker: made once, never repartitioned."""

from __future__ import annotations

import pytest
from kafka_local import LocalKafka

from receiver.model.errors import ReceiverError
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.topics import POSITIONS_CONFIGS, TopicSpec, create_topics, missing_topics

pytestmark = pytest.mark.kafka


async def test_topics_are_made_once_and_never_repartitioned(kafka: LocalKafka, prefix: str) -> None:
    """Safe to repeat; another partition count is refused, since it would break the order per key."""
    options = client_options([kafka.bootstrap], {})
    specs = [TopicSpec(f"{prefix}a", 3, 1), TopicSpec(f"{prefix}b", 1, 1, POSITIONS_CONFIGS, "positions")]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == [f"{prefix}a", f"{prefix}b"]
    assert await create_topics(options, specs) == [(f"{prefix}a", "created"), (f"{prefix}b", "created")]
    assert await create_topics(options, specs) == [(f"{prefix}a", "exists"), (f"{prefix}b", "exists")]
    assert await missing_topics(options, [f"{prefix}a", f"{prefix}b"]) == []
    with pytest.raises(ReceiverError, match=f"topic {prefix}a has 3 partitions, not 6"):
        await create_topics(options, [TopicSpec(f"{prefix}a", 6, 1), TopicSpec(f"{prefix}c", 1, 1)])
    assert await missing_topics(options, [f"{prefix}c"]) == [f"{prefix}c"]


async def test_an_impossible_replication_is_refused_with_its_reason(kafka: LocalKafka, prefix: str) -> None:
    """Three copies on one broker."""
    options = client_options([kafka.bootstrap], {})
    with pytest.raises(ReceiverError, match=f"topic {prefix}a: .*[Rr]eplication"):
        await create_topics(options, [TopicSpec(f"{prefix}a", 1, 3)])
