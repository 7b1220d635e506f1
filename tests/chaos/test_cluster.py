"""What an administrator does to a cluster of the chaos run really happens, to a client that logs in as the service."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.chaos.cluster import PASSWORD, USER, Cluster, may_write

pytestmark = [pytest.mark.kafka, pytest.mark.long]

TOPIC, OTHER = "chaos.events", "chaos.other"


def producer(cluster: Cluster) -> Producer:
    """A client with the service's name and password, through the proxy."""
    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
    who = {"sasl.username": USER, "sasl.password": PASSWORD, "log_level": 0}
    return Producer({"bootstrap.servers": cluster.guarded, **login, **who})


def write(client: Producer, topic: str, count: int = 1) -> float:
    """Write records of 10 kB one after another, each acknowledged; gives how long it took, s.

    Raises ``KafkaException`` where Kafka refuses one, or takes none within half a minute.
    """
    since_s = time.monotonic()
    errors: list[KafkaError | None] = []

    def answered(error: KafkaError | None, _: object) -> None:
        errors.append(error)

    for _ in range(count):
        client.produce(topic, b"x" * 10_000, on_delivery=answered)
        assert client.flush(30) == 0
        if errors[-1] is not None:
            raise KafkaException(errors[-1])
    return time.monotonic() - since_s


async def test_an_administrator_takes_rights_throttles_adds_partitions_and_deletes(tmp_path: Path) -> None:
    """One after the other, on one broker: each is felt, and is over when it is undone."""
    cluster = Cluster(tmp_path, 1)
    await cluster.start()
    try:
        await asyncio.to_thread(_all_of_it, cluster)
    finally:
        await cluster.stop()


def _all_of_it(cluster: Cluster) -> None:
    administrator = cluster.administrator
    maker = AdminClient({"bootstrap.servers": cluster.open})
    for future in maker.create_topics([NewTopic(TOPIC, 1, 1), NewTopic(OTHER, 1, 1)]).values():
        future.result(30)
    client = producer(cluster)
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        write(client, TOPIC)
    cluster.let_in("chaos.")
    cluster.let_write("chaos.")
    _until_taken(client, TOPIC)

    administrator.take_away(may_write(TOPIC))
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        _until_refused(client, TOPIC)
    write(client, OTHER)
    administrator.grant([may_write(TOPIC)])
    _until_taken(client, TOPIC)

    administrator.throttle(USER, 5000)
    _until_slow(client, TOPIC)
    administrator.throttle(USER, None)
    with pytest.raises(AssertionError, match="was not there"):
        administrator.take_away(may_write("chaos.unknown"))

    assert administrator.add_partition(TOPIC) == administrator.topics()[TOPIC] == 2
    administrator.delete_topic(TOPIC)
    assert TOPIC not in administrator.topics()


def _until_taken(client: Producer, topic: str) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        try:
            write(client, topic)
        except KafkaException:
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        else:
            return


def _until_slow(client: Producer, topic: str) -> None:
    # A quota is in the cluster's metadata at once, and counts where the broker has read it: some seconds later.
    deadline_s = time.monotonic() + 60
    while write(client, topic, 10) < 5:
        assert time.monotonic() < deadline_s


def _until_refused(client: Producer, topic: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        write(client, topic)
        time.sleep(0.1)
