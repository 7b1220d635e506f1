"""What the Kafka adapters share: the client's options, its errors in our words, and a look at the cluster."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient

from receiver.model.errors import ConfigurationError, KafkaFenced, KafkaUnavailable, ReceiverError
from receiver.publish.kafka.internals import CLOSE_TIMEOUT_S, client_of, never_create
from receiver.publish.kafka.options import PASSED_THROUGH, option_faults, tls_context
from receiver.publish.kafka.reach import why_unreachable

REQUEST_TIMEOUT_MS = 8_000
"""Of one request to a broker; ``/readyz`` is to tell within 30 s that it is away."""
METADATA_MAX_AGE_MS = 20_000
"""How old what a client knows of topics may get, unless configured: ``/readyz`` is to tell within 30 s that somebody
changed one."""
BROKERS_TRIED = 2
"""Of those that a cluster names, before it counts as one that cannot be reached."""
CALL_TIMEOUT_S = 15.0
"""Of one question to the cluster, retries of the client included."""
MISSING = "is missing; `receiver topics create` makes it"
"""What is wrong with a topic that is not there."""

FENCED = (
    errors.ProducerFenced,
    errors.InvalidProducerEpoch,
    errors.TransactionCoordinatorFenced,
    errors.InvalidProducerIdMapping,
    errors.InvalidTxnState,
    errors.OutOfOrderSequenceNumber,
    errors.UnknownProducerId,
)
NOT_ALLOWED = (
    errors.TopicAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.ClusterAuthorizationFailedError,
)


def client_options(bootstrap_servers: Collection[str], client: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of every aiokafka client: ``kafka.client`` as configured, certificates loaded.

    Raises ``ConfigurationError`` with every fault of the two: a value that is none of those allowed, a part that is
    missing, a file that cannot be read.
    """
    faults = option_faults(bootstrap_servers, client)
    if faults:
        raise ConfigurationError(faults)
    options: dict[str, Any] = {"metadata_max_age_ms": METADATA_MAX_AGE_MS}
    options |= {key: value for key, value in client.items() if key in PASSED_THROUGH}
    options["bootstrap_servers"] = list(bootstrap_servers)
    options["request_timeout_ms"] = REQUEST_TIMEOUT_MS
    if options.get("security_protocol", "PLAINTEXT") in {"SSL", "SASL_SSL"}:
        options["ssl_context"] = tls_context(client)
    return options


def translate(error: BaseException) -> ReceiverError:
    """Put an error of the client into our words; its text names no secret."""
    if isinstance(error, ReceiverError):
        return error
    name = type(error).__name__
    if isinstance(error, FENCED):
        return KafkaFenced(f"{name}: a newer producer exists, or the transaction timed out")
    if isinstance(
        error, TimeoutError | errors.KafkaTimeoutError
    ):  # before ``OSError``, which a ``TimeoutError`` is too
        return KafkaUnavailable("a broker did not answer in time")
    if isinstance(error, errors.KafkaConnectionError | OSError):
        return KafkaUnavailable(f"no broker answers ({name})")
    if isinstance(error, errors.KafkaError):
        what = "this client lacks an ACL" if isinstance(error, NOT_ALLOWED) else name
        return KafkaUnavailable(f"{what}: {str(error)[:200]}")
    return KafkaUnavailable(name)


@asynccontextmanager
async def translated(timeout_s: float) -> AsyncIterator[None]:
    """Run the body within ``timeout_s``; errors of the client come out as ours."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (errors.KafkaError, OSError, TimeoutError) as error:
        raise translate(error) from error


async def close_quietly(client: Any) -> None:
    """Stop a client within ``CLOSE_TIMEOUT_S``, whatever state it is in."""
    stop = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await stop()


def make_admin(options: Mapping[str, Any]) -> AIOKafkaAdminClient:
    """Make an admin client; here and in the next two clients are made, and nowhere else, so that none can create."""
    never_create()
    return AIOKafkaAdminClient(**options)


def make_producer(options: Mapping[str, Any]) -> AIOKafkaProducer:
    """Make a producer."""
    never_create()
    return AIOKafkaProducer(**options)


def make_consumer(options: Mapping[str, Any]) -> AIOKafkaConsumer:
    """Make a consumer."""
    never_create()
    return AIOKafkaConsumer(**options)


async def start_admin(admin: AIOKafkaAdminClient, options: Mapping[str, Any]) -> None:
    """Start it; raises ``KafkaUnavailable`` that says why no broker can be used."""
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await admin.start()
            client = client_of(admin)
            brokers = list(client.cluster.brokers())
            # Where the cluster says that it is need not be where it was asked.
            if brokers and not any([await client.ready(broker.nodeId) for broker in brokers[:BROKERS_TRIED]]):
                where = await why_unreachable(options, [(broker.host, broker.port) for broker in brokers])
                raise KafkaUnavailable(f"{where} (the cluster itself gives this address: advertised.listeners)")
    except TimeoutError as error:
        raise translate(error) from error
    except (errors.KafkaError, OSError, ValueError) as error:
        raise KafkaUnavailable(await why_unreachable(options)) from error


async def start_consumer(consumer: AIOKafkaConsumer, options: Mapping[str, Any]) -> None:
    """Start it; raises the client's errors, and ``KafkaUnavailable`` that says why no broker can be used."""
    try:
        await consumer.start()
    except errors.KafkaConnectionError as error:
        raise KafkaUnavailable(await why_unreachable(options)) from error


@asynccontextmanager
async def admin_client(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give a started admin client; raises ``KafkaUnavailable``."""
    admin = make_admin(options)
    try:
        await start_admin(admin, options)
        yield admin
    finally:
        await close_quietly(admin)


async def topic_leaders(
    admin: AIOKafkaAdminClient, topics: Collection[str]
) -> tuple[dict[TopicPartition, int], dict[str, str]]:
    """Give the leader of each partition of the topics that are whole, and of the others why they are not."""
    async with translated(CALL_TIMEOUT_S):
        described = {topic["topic"]: topic for topic in await admin.describe_topics(list(topics))}
    leaders: dict[TopicPartition, int] = {}
    faults: dict[str, str] = {}
    for name in topics:
        topic = described.get(name)
        if topic is None or topic["error_code"] == errors.UnknownTopicOrPartitionError.errno:
            faults[name] = MISSING
        elif topic["error_code"] != 0:
            faults[name] = f"cannot be used: {errors.for_code(topic['error_code']).__name__}"
        elif any(partition["leader"] < 0 for partition in topic["partitions"]):
            faults[name] = "has a partition without leader"
        else:
            leaders |= {TopicPartition(name, one["partition"]): one["leader"] for one in topic["partitions"]}
    return leaders, faults


async def require_topics(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[TopicPartition, int]:
    """Give the partitions' leaders; raises ``KafkaUnavailable`` naming the first topic that is missing or has none."""
    leaders, faults = await topic_leaders(admin, topics)
    for name, fault in faults.items():
        raise KafkaUnavailable(f"topic {name} {fault}")
    return leaders
