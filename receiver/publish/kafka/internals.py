"""The only place that reaches into private parts of the Kafka client: what its public methods cannot do or tell.

Each function says what is missing. Its test fails when the client's insides change, so that an upgrade is looked at
here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest, ProduceRequest_v8

from receiver.publish.kafka.answers import Answers

CLOSE_TIMEOUT_S = 3.0
"""``stop()`` of a client can hang while its broker is away (seen); then it is left to the collector."""


def never_create() -> None:
    """Have no question that a client of this process asks about topics create one; safe to repeat.

    Of themselves the clients ask so that a broker with ``auto.create.topics.enable`` makes what it does not have, with
    its own defaults, and they have no option against it: all of them leave the choice to this argument's default.
    """
    MetadataRequest.__init__.__defaults__ = (None, False)


def client_of(admin: AIOKafkaAdminClient) -> AIOKafkaClient:
    """Give what an admin client speaks through; it has no public way to send what it has no method for."""
    return admin._client  # noqa: SLF001


def producer_id(producer: AIOKafkaProducer) -> int:
    """Give the number that the transaction coordinator gave to a started producer; -1 before the start.

    Brokers list open transactions by this number (``open_transactions``). The client has no public attribute for it.
    """
    return int(producer._txn_manager.producer_id)  # noqa: SLF001


def transaction_error(producer: AIOKafkaProducer) -> BaseException | None:
    """Give why a transaction that was begun can only be aborted; None while it can go on, or where there is none.

    By its public methods the client tells that only to whoever commits; who sends hears that there is no transaction.
    """
    waiter: asyncio.Future[None] | None = producer._txn_manager._transaction_waiter  # noqa: SLF001
    return waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None


def leave_no_complaint(producer: AIOKafkaProducer) -> None:
    """Ask after all that a closed producer could not do: of what nobody asks it complains when that is collected.

    It is fenced, say, and whoever sent is told so; a traceback for each batch that waited says nothing new. By its
    public methods nobody can ask after a transaction, or a batch on its way to a broker, that was given up.
    """
    accumulator, manager = producer._message_accumulator, producer._txn_manager  # noqa: SLF001
    waiting = [*accumulator._pending_batches, *(one for found in accumulator._batches.values() for one in found)]  # noqa: SLF001
    futures = [manager._transaction_waiter, *(future for one in waiting for future in (one.future, one._drain_waiter))]  # noqa: SLF001
    for future in futures:
        if future is not None and future.done() and not future.cancelled():
            future.exception()


def add_partition(producer: AIOKafkaProducer, partition: TopicPartition) -> None:
    """Make ``partition`` part of the transaction that was begun, without a record in it.

    So the transaction's end is written there, which is all that ``hanging_transactions`` wants. By its public methods
    the client makes a partition part of a transaction only when it sends a record to it.
    """
    producer._txn_manager.maybe_add_partition_to_txn(partition)  # noqa: SLF001


async def end_sending(producer: AIOKafkaProducer) -> None:
    """End what a stopped producer still tries to send, and its connections; returns within ``CLOSE_TIMEOUT_S``.

    While its broker is away, ``stop()`` is given up before it is done (``close_quietly``), and the client's task would
    go on trying to send what it has: long after the next producer of ours was started. No public method ends that task.
    """
    task: asyncio.Task[None] | None = producer._sender.sender_task  # noqa: SLF001
    for _ in range(2):  # the task takes the first cancellation for the wish to finish what is under way
        if task is not None and not task.done():
            task.cancel()
            await asyncio.sleep(0)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await producer.client.close()


class _TellingProduce(ProduceRequest):  # type: ignore[misc]
    """The client's request that sends records, in the version whose answer says in words why a broker refuses them.

    The client reads such an answer and never asks for it.
    """


_TellingProduce._CLASSES = (*ProduceRequest._CLASSES, ProduceRequest_v8)  # noqa: SLF001  a body cannot set it


def telling(request: ProduceRequest) -> ProduceRequest:
    """Give the same request in a form whose answer tells why records are refused, where the broker knows it."""
    return _TellingProduce(
        request._transactional_id,  # noqa: SLF001
        request._required_acks,  # noqa: SLF001
        request._timeout,  # noqa: SLF001
        request._topics,  # noqa: SLF001
    )


def listen(producer: AIOKafkaProducer, answers: Answers) -> None:
    """Let ``answers`` hear what brokers say to a producer, and let its requests wait as long as they ask.

    By its public methods the client tells neither. To be called before the producer starts.
    """
    send = producer.client.send

    async def heard(node: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT) -> Any:
        produces = isinstance(request, ProduceRequest)
        await answers.until_free((node, group))
        response = await send(node, telling(request) if produces else request, group=group)
        answers.note((node, group), response, produced=produces)
        return response

    producer.client.send = heard
