"""What the Kafka adapters share: the client's options, its errors in our words, and a look at the cluster."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.helpers import create_ssl_context

from receiver.model.errors import ConfigurationError, KafkaFenced, KafkaUnavailable, ReceiverError

REQUEST_TIMEOUT_MS = 8_000
"""Of one request to a broker; ``/readyz`` is to tell within 30 s that it is away."""
CLOSE_TIMEOUT_S = 3.0
"""``stop()`` of a client can hang while its broker is away (seen); then it is left to the collector."""
CALL_TIMEOUT_S = 15.0
"""Of one question to the cluster, retries of the client included."""
MISSING = "is missing; `receiver topics create` makes it"
"""What is wrong with a topic that is not there."""

PASSED_THROUGH = frozenset(
    {
        "security_protocol",
        "sasl_mechanism",
        "sasl_plain_username",
        "sasl_plain_password",
        "sasl_kerberos_service_name",
        "sasl_kerberos_domain_name",
        "client_id",
        "connections_max_idle_ms",
        "metadata_max_age_ms",
        "retry_backoff_ms",
    }
)
PATHS = frozenset({"ssl_cafile", "ssl_certfile", "ssl_keyfile"})
PASSWORD = "ssl_password"  # noqa: S105  the option's name

FENCED = (
    errors.ProducerFenced,
    errors.InvalidProducerEpoch,
    errors.TransactionCoordinatorFenced,
    errors.InvalidProducerIdMapping,
    errors.InvalidTxnState,
    errors.OutOfOrderSequenceNumber,
    errors.UnknownProducerId,
)


def client_options(bootstrap_servers: Collection[str], client: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of every aiokafka client: ``kafka.client`` as configured, certificates loaded.

    Raises ``ConfigurationError`` for a key that is not an option, or a certificate that cannot be read.
    """
    unknown = sorted(set(client) - PASSED_THROUGH - PATHS - {PASSWORD})
    if unknown:
        allowed = ", ".join(sorted(PASSED_THROUGH | PATHS | {PASSWORD}))
        raise ConfigurationError([f"kafka.client.{key}: no such option; there are {allowed}" for key in unknown])
    options = {key: value for key, value in client.items() if key in PASSED_THROUGH}
    options["bootstrap_servers"] = list(bootstrap_servers)
    options["request_timeout_ms"] = REQUEST_TIMEOUT_MS
    if options.get("security_protocol", "PLAINTEXT") in {"SSL", "SASL_SSL"}:
        options["ssl_context"] = _ssl_context(client)
    return options


def _ssl_context(client: Mapping[str, Any]) -> ssl.SSLContext:
    paths = {key.removeprefix("ssl_"): client.get(key) for key in PATHS}
    try:
        context: ssl.SSLContext = create_ssl_context(**paths, password=client.get(PASSWORD))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError([f"kafka.client: the certificates cannot be used: {error}"]) from None
    return context


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
        return KafkaUnavailable(f"{name}: {str(error)[:200]}")
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


@asynccontextmanager
async def admin_client(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give a started admin client; raises ``KafkaUnavailable``."""
    admin = AIOKafkaAdminClient(**options)
    try:
        async with translated(CALL_TIMEOUT_S):
            await admin.start()
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
