"""All that publishing takes for granted of a cluster, looked at before it matters; ``judge`` says what is wrong.

Nothing here makes a topic, begins a transaction, fences a producer or writes a record. What this client may not ask for
is left open, and said so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka import questions
from receiver.publish.kafka.client import CALL_TIMEOUT_S, admin_client, translated
from receiver.publish.kafka.internals import client_of
from receiver.publish.kafka.judge import BROKER_KEYS, TOPIC_KEYS, TRANSACTIONS_TOPIC, Facts, Wanted, judge
from receiver.publish.kafka.options import PROTOCOLS
from receiver.publish.kafka.questions import ClusterSeen, Replicas, TopicSeen
from receiver.publish.kafka.topics import TopicSpec, bootstrap_of, topic_configs
from receiver.publish.ports import Expected, Finding

Answer = TypeVar("Answer")


async def survey(
    options: Mapping[str, Any],
    specs: Sequence[TopicSpec],
    expected: Expected,
    *,
    transactional: bool,
    transaction_timeout_s: float,
) -> list[Finding]:
    """Look, and give all that is wrong or worth knowing, faults first; never raises for what Kafka does."""
    wanted = Wanted(
        specs=specs,
        bootstrap=bootstrap_of(options),
        user=_user(options),
        client_id=str(options.get("client_id", "")),
        transactional=transactional,
        transaction_timeout_s=transaction_timeout_s,
        record_bytes_max=expected.record_bytes_max,
    )
    try:
        async with admin_client(options) as admin:
            facts = await _facts(admin, wanted, expected)
    except KafkaUnavailable as error:
        return [Finding(fault=True, text=str(error), mend="see kafka.bootstrap_servers and kafka.client")]
    return sorted(judge(facts, wanted), key=lambda finding: not finding.fault)


def _user(options: Mapping[str, Any]) -> str:
    if options.get("security_protocol", PROTOCOLS[0]).startswith("SASL_") and "sasl_plain_username" in options:
        return f"User:{options['sasl_plain_username']}"
    return "User:…"


async def _facts(admin: AIOKafkaAdminClient, wanted: Wanted, expected: Expected) -> Facts:
    client = client_of(admin)
    names = [spec.name for spec in wanted.specs]
    async with translated(CALL_TIMEOUT_S):
        cluster_id = str((await admin.describe_cluster())["cluster_id"])
        seen = await _cluster(admin, [*names, TRANSACTIONS_TOPIC])
    there = [name for name in names if not seen.topics[name].error]
    async with translated(CALL_TIMEOUT_S):
        clock_ms = await _asked(lambda: questions.ask_clock_ms(client))
        our_ms = expected.now_us() // 1000
        quotas = await _asked(lambda: questions.ask_quotas(client))
    return Facts(
        seen=seen,
        configs=await topic_configs(admin, there, TOPIC_KEYS) if there else {},
        broker=await _broker_configs(admin, seen.brokers),
        remembered=expected.topic_partitions(cluster_id),
        transactional_ids=await _transactional_ids(admin, wanted, expected.journal_id),
        clock_off_ms=None if clock_ms is None else our_ms - clock_ms,
        quotas=quotas,
    )


async def _cluster(admin: AIOKafkaAdminClient, names: Sequence[str]) -> ClusterSeen:
    try:
        return await questions.ask_topics(client_of(admin), names)
    except questions.UNKNOWN_TO_BROKER:  # before Kafka 2.3: without what access control allows
        described = await admin.describe_topics(list(names))
    topics = {
        topic["topic"]: TopicSeen(
            questions.error_name(topic["error_code"]),
            tuple(Replicas(one["leader"], len(one["replicas"]), len(one["isr"])) for one in topic["partitions"]),
        )
        for topic in described
    }
    brokers = client_of(admin).cluster.brokers()
    return ClusterSeen(0, tuple(broker.nodeId for broker in brokers), topics)


async def _asked(ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
    try:
        return await ask()
    except (*questions.UNKNOWN_TO_BROKER, errors.KafkaError):
        return None


async def _broker_configs(admin: AIOKafkaAdminClient, brokers: Sequence[int]) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.BROKER, str(brokers[0]), dict.fromkeys(BROKER_KEYS))
    async with translated(CALL_TIMEOUT_S):
        answers = await _asked(lambda: admin.describe_configs([resource])) or []
    entries = [entry for answer in answers for code, _, _, _, found in answer.resources if code == 0 for entry in found]
    return {entry[0]: entry[1] for entry in entries if entry[1] is not None}


async def _transactional_ids(
    admin: AIOKafkaAdminClient, wanted: Wanted, journal_id: str | None
) -> dict[str, str] | None:
    """Transactional id → why it may not be used, empty where it may; None where brokers know no transactions."""
    if not wanted.transactional:
        return {}
    # Of a journal that is not made yet no id is known: an id of ours tells whether all of ours are allowed.
    ids = [f"receiver-{journal_id or 'check'}", "receiver-replay-check"]
    found = {}
    for one in ids:
        async with translated(CALL_TIMEOUT_S):
            try:
                found[one] = await questions.ask_transactional(client_of(admin), one, wanted.specs[-1].name)
            except questions.UNKNOWN_TO_BROKER:
                return None
    return found
