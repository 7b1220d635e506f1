"""The private parts of the Kafka client that are used: an upgrade that changes them fails here, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest

from receiver.publish.kafka.internals import add_partition, client_of, end_sending, never_create, producer_id

PARTITION = TopicPartition("events", 3)


@pytest.fixture
async def producer() -> AsyncIterator[AIOKafkaProducer]:
    """A transactional producer that was never started, and speaks to nobody."""
    made = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", transactional_id="test", enable_idempotence=True)
    yield made
    with contextlib.suppress(asyncio.CancelledError):
        await made.stop()


async def test_the_producers_number_is_the_one_that_the_coordinator_gave(producer: AIOKafkaProducer) -> None:
    """As the client itself notes the coordinator's answer."""
    assert producer_id(producer) == -1
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    assert producer_id(producer) == 4711


async def test_an_added_partition_is_asked_for_as_one_with_records_is(producer: AIOKafkaProducer) -> None:
    """It is among those that the client's next request to the coordinator names."""
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    await producer.begin_transaction()
    add_partition(producer, PARTITION)
    assert producer._txn_manager.partitions_to_add() == {PARTITION}
    producer._txn_manager.partition_added(PARTITION)
    add_partition(producer, PARTITION)
    assert producer._txn_manager.partitions_to_add() == set()


async def test_a_partition_is_added_only_within_a_transaction(producer: AIOKafkaProducer) -> None:
    """Outside of one the client would forget it."""
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    with pytest.raises(AssertionError):
        add_partition(producer, PARTITION)


async def test_the_task_that_sends_is_ended(producer: AIOKafkaProducer) -> None:
    """The client's own task, which would go on for as long as the process does: it does not outlive the call."""
    sender = producer._sender
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    await sender.start()
    task = sender.sender_task
    assert isinstance(task, asyncio.Task)
    await asyncio.sleep(0.05)
    assert not task.done()
    await asyncio.wait_for(end_sending(producer), 1)
    await asyncio.wait([task], timeout=1)
    assert task.done()


async def test_a_producer_that_never_started_has_nothing_to_end(producer: AIOKafkaProducer) -> None:
    """Closing is the same whatever came of the start."""
    await end_sending(producer)


def test_no_question_about_topics_makes_one() -> None:
    """Whoever in the client makes it: none of them says anything of its own."""
    never_create()
    for version in (version for version in MetadataRequest._CLASSES if version.API_VERSION >= 4):
        assert MetadataRequest(["events"]).build(version).allow_auto_topic_creation is False
        assert MetadataRequest(None).build(version).allow_auto_topic_creation is False
        assert MetadataRequest(["events"], True).build(version).allow_auto_topic_creation is True


async def test_an_admin_client_speaks_through_a_client_of_its_own() -> None:
    """Through which what it has no method for is asked."""
    assert isinstance(client_of(AIOKafkaAdminClient(bootstrap_servers="127.0.0.1:1")), AIOKafkaClient)
