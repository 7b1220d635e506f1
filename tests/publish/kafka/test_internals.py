"""The private parts of the Kafka client that are used: an upgrade that changes them fails here, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from receiver.publish.kafka.answers import Answers
from receiver.publish.kafka.internals import (
    add_partition,
    client_of,
    end_sending,
    leave_no_complaint,
    listen,
    never_create,
    producer_id,
    transaction_error,
)

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


async def test_why_a_transaction_can_only_be_aborted_is_known_to_who_sends(producer: AIOKafkaProducer) -> None:
    """As the client itself notes it; nothing before it begins, while it can go on, or once it has ended."""
    assert transaction_error(producer) is None
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    await producer.begin_transaction()
    assert transaction_error(producer) is None
    refused = TopicAuthorizationFailedError({"events"})
    producer._txn_manager.error_transaction(refused)
    assert transaction_error(producer) is refused
    producer._txn_manager.aborting_transaction()
    assert transaction_error(producer) is None
    producer._txn_manager.complete_transaction()
    assert transaction_error(producer) is None


@pytest.mark.parametrize("asked", [True, False])
async def test_a_closed_producer_complains_of_nothing_that_was_asked_after(
    producer: AIOKafkaProducer, caplog: pytest.LogCaptureFixture, *, asked: bool
) -> None:
    """Neither of its transaction nor of the batches that waited for a broker; otherwise it does."""
    producer._txn_manager.set_pid_and_epoch(4711, 2)
    await producer.begin_transaction()
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"v", timestamp=None)
    await producer._message_accumulator.add_batch(batch, PARTITION, 1)
    producer._message_accumulator.fail_all(TopicAuthorizationFailedError({"events"}))
    producer._txn_manager.fatal_error(TopicAuthorizationFailedError({"events"}))
    if asked:
        leave_no_complaint(producer)
    producer._message_accumulator._batches.clear()
    producer._txn_manager._transaction_waiter = None
    del batch
    gc.collect()
    complaints = [record for record in caplog.records if "never retrieved" in record.getMessage()]
    assert (complaints == []) == asked


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
    await asyncio.wait_for(end_sending(producer), 60)
    await asyncio.wait([task], timeout=60)
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


class Broker:
    """In the place of the client's own sending."""

    def __init__(self, throttle_ms: int = 0) -> None:
        self.asked: list[tuple[int, Any]] = []
        self.asked_s: list[float] = []
        self.throttle_ms = throttle_ms

    async def send(self, node: int, request: Any, *, group: object) -> Any:
        """Answer as a broker does that takes everything."""
        self.asked.append((node, request.prepare({0: (0, 99)})))
        self.asked_s.append(time.monotonic())
        return SimpleNamespace(topics=[("a", [(0, 0, 5, -1, 0, [], None)])], throttle_time_ms=self.throttle_ms)


async def test_records_are_sent_so_that_a_broker_says_in_words_why_it_refuses_them(producer: AIOKafkaProducer) -> None:
    """In the version that has them, with all that the client put in; the client's own request has none."""
    broker, answers = Broker(), Answers()
    producer.client.send = broker.send
    listen(producer, answers)
    request = ProduceRequest("id", -1, 8000, [("a", [(0, b"records")])])
    await producer.client.send(7, request)
    ((node, sent),) = broker.asked
    assert (node, sent.API_VERSION) == (7, 8)
    ours, theirs = sent.to_object(), request.prepare({0: (0, 7)}).to_object()
    assert ours == theirs
    assert answers.quiet_s() <= time.monotonic() - broker.asked_s[0]


async def test_a_request_waits_as_long_as_the_answer_before_it_asked(producer: AIOKafkaProducer) -> None:
    """The client itself would send at once, and take the broker's silence for its end."""
    broker, answers = Broker(throttle_ms=100), Answers()
    producer.client.send = broker.send
    listen(producer, answers)
    request = ProduceRequest("id", -1, 8000, [("a", [(0, b"records")])])
    await producer.client.send(7, request)
    await asyncio.wait_for(producer.client.send(7, request), 60)
    first_s, second_s = broker.asked_s
    assert second_s - first_s >= 0.1 - 0.01  # a timer of the loop may end a little too early
