"""A look at real brokers, with access control and without: it names what is wrong, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from kafka_local import LocalKafka

from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.ports import Expected, Finding
from tests.publish.kafka.guarded import (
    CLUSTER,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    PREFIXED,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
    GuardedKafka,
    grant,
    guarded_kafka,
    throttle,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A broker where nobody may do anything yet."""
    with guarded_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


def expected(remembered: Mapping[str, int] | None = None, off_s: float = 0) -> Expected:
    """What a journal expects, on a machine whose clock is off."""
    return Expected("journal", lambda _: remembered or {}, 1_000_000, lambda: int((time.time() + off_s) * 1_000_000))


async def until(cluster: KafkaCluster, holds: Callable[[list[Finding]], bool]) -> list[Finding]:
    """Look until something holds: what is granted holds a moment later."""
    async with asyncio.timeout(60):
        while not holds(found := await cluster.survey(expected())):
            await asyncio.sleep(0.1)
    return found


def faults(findings: list[Finding]) -> list[str]:
    """What is said of them."""
    return [finding.text for finding in findings if finding.fault]


async def test_each_right_that_is_lacking_is_named_and_what_is_granted_is_not(
    guarded: GuardedKafka, prefix: str
) -> None:
    """For each topic, and for the transactional id; the least rights publish, and the rest is only said."""
    cluster = KafkaCluster(guarded.options(), topic_prefix=prefix)
    said = faults(await cluster.survey(expected()))
    assert [text.split()[1] for text in said[:-1]] == cluster.all_topics
    assert all("may not be seen" in text for text in said[:-1])
    assert said[-1].startswith("transactional id receiver-journal may not be used by this client")
    await KafkaCluster(guarded.open, topic_prefix=prefix).create_topics()
    await grant(guarded, TOPIC, prefix, [DESCRIBE], pattern=PREFIXED)
    said = faults(await until(cluster, lambda found: not any("may not be seen" in one.text for one in found)))
    assert "access control gives this client no Write" in said[0]
    assert "access control gives this client no Read and no Write" in said[-2]
    await grant(guarded, TOPIC, prefix, [READ, WRITE], pattern=PREFIXED)
    await grant(guarded, TRANSACTIONAL_ID, "receiver-", [WRITE], pattern=PREFIXED)
    found = await until(cluster, lambda found: not faults(found))
    assert ["DescribeConfigs" in finding.text for finding in found] == [True, True, False]
    await grant(guarded, TOPIC, prefix, [DESCRIBE_CONFIGS], pattern=PREFIXED)
    await grant(guarded, CLUSTER, "kafka-cluster", [DESCRIBE, DESCRIBE_CONFIGS])
    assert await until(cluster, lambda found: not found) == []
    await throttle(guarded, {"user": "receiver"}, 65536.0)
    (note,) = await until(cluster, lambda found: len(found) > 0)
    assert "65536 bytes/s" in note.text
    assert {"is 7300.0 s ahead", "Kafka refuses our timestamps"} <= set(
        faults(await cluster.survey(expected(off_s=7300.0)))[0].partition("clock ")[2].split(": ")
    )


@pytest.mark.parametrize(
    ("user", "password"), [("receiver", "wrong"), ("nobody", "made-up")], ids=["a wrong password", "a user who is none"]
)
async def test_a_login_that_is_refused_is_called_that(guarded: GuardedKafka, user: str, password: str) -> None:
    """And not "no broker answers"."""
    (fault,) = await KafkaCluster(guarded.options(user, password)).survey(expected())
    assert fault.text.startswith(f"authentication failed: {guarded.guarded} says")
    assert password not in fault.text


async def test_a_listener_that_speaks_otherwise_is_told_apart(guarded: GuardedKafka) -> None:
    """Each way round."""
    (closes,) = await KafkaCluster(client_options([guarded.guarded], {})).survey(expected())
    assert "does that listener speak PLAINTEXT" in closes.text
    options = {**guarded.options(), "bootstrap_servers": [guarded.broker.bootstrap]}
    (without,) = await KafkaCluster(options).survey(expected())
    assert without.text.startswith("authentication failed: the listener")
    (mechanism,) = await KafkaCluster({**guarded.options(), "sasl_mechanism": "SCRAM-SHA-256"}).survey(expected())
    assert "does not offer what kafka.client.sasl_mechanism says" in mechanism.text


async def test_a_look_leaves_nothing_behind(guarded: GuardedKafka, prefix: str) -> None:
    """No topic, not even the one that brokers keep transactions in; no record."""
    cluster = KafkaCluster(guarded.open, topic_prefix=prefix)
    assert len(faults(await cluster.survey(expected()))) == len(cluster.all_topics)
    async with admin_client(guarded.open) as admin:
        there = await admin.list_topics()
    assert not [topic for topic in there if topic.startswith((prefix, "__"))]


async def test_partitions_that_somebody_added_are_named(kafka: LocalKafka, prefix: str) -> None:
    """With the command that accepts them."""
    cluster = KafkaCluster(client_options([kafka.bootstrap], {}), topic_prefix=prefix)
    await cluster.create_topics()
    topic = cluster.status_topics[0]
    assert faults(await cluster.survey(expected({topic: 6}))) == []
    (fault,) = [finding for finding in await cluster.survey(expected({topic: 3})) if finding.fault]
    assert f"topic {topic} has 6 partitions, and its keys go over 3" in fault.text
    assert fault.mend.startswith(f"receiver topics accept {topic}")
