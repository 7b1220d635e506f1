"""A transaction that a broker refuses between two sends, in the two ways in which the client says so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import errors

from receiver.model.errors import KafkaUnavailable
from receiver.model.records import Position
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.publisher import KafkaPublisher


class RefusedProducer:
    """A producer whose transaction was refused after it began; ``said`` is how its next send says so."""

    def __init__(self, said: Exception) -> None:
        self.said = said
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter.set_exception(errors.TopicAuthorizationFailedError("a.topic"))
        self._txn_manager = SimpleNamespace(_transaction_waiter=waiter)

    async def begin_transaction(self) -> None:
        """It begins well."""

    async def abort_transaction(self) -> None:
        """It is over."""

    async def partitions_for(self, topic: str) -> None:
        """Where the client finds out."""
        del topic
        raise self.said


@pytest.mark.parametrize("said", [errors.IllegalOperation("no transaction"), AssertionError()])
async def test_it_is_told_by_its_reason(said: Exception) -> None:
    """And is no bug of ours, also where the client had to wait before it could send."""
    made = KafkaPublisher(
        client_options(["127.0.0.1:1"], {}),
        journal_id="journal",
        positions_topic="positions",
        topics=["a.topic"],
        number_of=lambda _: None,
        transactional=True,
        transaction_timeout_s=5,
    )
    producer: Any = RefusedProducer(said)
    message: Any = SimpleNamespace(topic="a.topic", value=b"1", record=1)
    with pytest.raises(KafkaUnavailable, match=r"lacks an ACL.*a\.topic"):
        await made._in_transaction(producer, [message], Position(1, "id-1"))
