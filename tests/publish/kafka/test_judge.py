"""What is wrong with a cluster, from facts made up: each assumption of publishing has its fault, and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from receiver.publish.kafka.judge import TRANSACTIONS_TOPIC, Facts, Wanted, judge
from receiver.publish.kafka.questions import OPERATIONS, ClusterSeen, Replicas, TopicSeen
from receiver.publish.kafka.topics import HISTORY_CONFIGS, POSITIONS_CONFIGS, STATE_CONFIGS, TopicSpec
from receiver.publish.ports import Finding

ALL = frozenset(OPERATIONS)
EVENTS, STATE, POSITIONS = "exchange.status.v1", "exchange.state.v1", "receiver.positions"
SPECS = (
    TopicSpec(EVENTS, 3, 3, HISTORY_CONFIGS),
    TopicSpec(STATE, 3, 3, STATE_CONFIGS, "latest"),
    TopicSpec(POSITIONS, 1, 3, POSITIONS_CONFIGS, "positions"),
)
WANTED = Wanted(
    SPECS, "a:1", "User:receiver", "", transactional=True, transaction_timeout_s=15, record_bytes_max=1_000_000
)
USUAL = {"min.insync.replicas": "2", "max.message.bytes": "1048588", "retention.ms": "604800000"}
USUAL |= {"message.timestamp.after.max.ms": "3600000", "message.timestamp.before.max.ms": "9223372036854775807"}
CONFIGS = {
    EVENTS: {**USUAL, "cleanup.policy": "delete"},
    STATE: {**USUAL, "cleanup.policy": "compact"},
    POSITIONS: {**USUAL, "cleanup.policy": "compact"},
}
BROKER = {
    "auto.create.topics.enable": "false",
    "transaction.max.timeout.ms": "900000",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
}


def seen(partitions: int, replicas: Replicas = Replicas(1, 3, 3)) -> TopicSeen:  # noqa: B008  it is frozen
    """A topic on three brokers."""
    return TopicSeen("", (replicas,) * partitions, ALL)


@dataclass
class Cluster:
    """A sound cluster, to be changed in one place."""

    topics: dict[str, TopicSeen] = field(
        default_factory=lambda: {EVENTS: seen(3), STATE: seen(3), POSITIONS: seen(1), TRANSACTIONS_TOPIC: seen(50)}
    )
    configs: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {**one} for name, one in CONFIGS.items()})
    broker: Mapping[str, str] = field(default_factory=lambda: {**BROKER})
    remembered: Mapping[str, int] = field(default_factory=lambda: {EVENTS: 3, STATE: 3})
    ids: Mapping[str, str] | None = field(default_factory=lambda: {"receiver-j": "", "receiver-replay-check": ""})
    off_ms: int | None = 0
    quotas: Any = ()
    throttled_ms: int = 0
    brokers: tuple[int, ...] = (1, 2, 3)

    def found(self, wanted: Wanted = WANTED) -> list[Finding]:
        """What is said of it."""
        cluster = ClusterSeen(self.throttled_ms, self.brokers, self.topics)
        facts = Facts(cluster, self.configs, self.broker, self.remembered, self.ids, self.off_ms, self.quotas)
        return judge(facts, wanted)


def test_of_a_sound_cluster_nothing_is_said() -> None:
    """Or nobody reads what is."""
    assert Cluster().found() == []


@pytest.mark.parametrize(
    ("topic", "key", "value", "fault", "says", "mend"),
    [
        (EVENTS, "cleanup.policy", "compact", True, "must have delete: compacted, it loses", "cleanup.policy=delete"),
        (EVENTS, "cleanup.policy", "compact,delete", True, "must have delete", "cleanup.policy=delete"),
        (STATE, "cleanup.policy", "delete", True, "compact: Kafka would forget operations", "=compact"),
        (POSITIONS, "cleanup.policy", "delete", True, "Kafka would forget the position", "=compact"),
        (POSITIONS, "cleanup.policy", "compact,delete", True, "must have compact", "=compact"),
        (EVENTS, "max.message.bytes", "1000000", True, "a record can have 1004096", "kafka.record_bytes_max = 995904"),
        (EVENTS, "min.insync.replicas", "4", True, "no write can do", "min.insync.replicas=2"),
        (EVENTS, "min.insync.replicas", "3", False, "no broker may be down", "min.insync.replicas=2"),
        (EVENTS, "min.insync.replicas", "1", False, "one broker that dies can lose events", "min.insync.replicas=2"),
        (EVENTS, "unclean.leader.election.enable", "true", False, "that were confirmed can be lost", "=false"),
        (EVENTS, "message.timestamp.after.max.ms", "1000", False, "that is further ahead", "after.max.ms=3600000"),
        (POSITIONS, "message.timestamp.before.max.ms", "1000", False, "that is further behind", "before.max.ms"),
        (EVENTS, "message.timestamp.difference.max.ms", "1000", False, "that is further off", "difference.max.ms"),
        (EVENTS, "retention.ms", "60000", False, "a consumer that is down for longer misses events", "retention.ms="),
    ],
)  # fmt: skip
def test_a_setting_of_a_topic_that_does_not_do(
    topic: str,
    key: str,
    value: str,
    fault: bool,  # noqa: FBT001
    says: str,
    mend: str,
) -> None:
    """Named with the topic, the value, and the command that mends it."""
    cluster = Cluster()
    cluster.configs[topic][key] = value
    (finding,) = cluster.found()
    assert finding.fault is fault
    assert topic in finding.text
    assert says in finding.text
    assert mend in finding.mend


def test_a_clock_that_a_topic_does_not_take_is_a_fault() -> None:
    """Before the first event is refused. What the broker stamps itself has no limit."""
    cluster = Cluster(off_ms=7_200_000)
    texts = [finding.text for finding in cluster.found() if finding.fault]
    assert len(texts) == 3
    assert "this machine's clock is 7200.0 s ahead: Kafka refuses our timestamps" in texts[0]
    for config in cluster.configs.values():
        config["message.timestamp.type"] = "LogAppendTime"
    (note,) = cluster.found()
    assert note.text == "this machine's clock is 7200.0 s ahead of the brokers'"
    (note,) = Cluster(off_ms=-5_000).found()
    assert note.text == "this machine's clock is 5.0 s behind the brokers'"


def test_a_clock_behind_by_more_than_a_topic_keeps_is_a_fault() -> None:
    """Kafka goes by our timestamps, and would delete the newest events as old ones; a compacted topic loses nothing."""
    cluster = Cluster(off_ms=-10 * 86_400_000)
    for config in cluster.configs.values():
        config["retention.ms"] = str(7 * 86_400_000)
    deleting = [name for name, config in cluster.configs.items() if config["cleanup.policy"] == "delete"]
    faults = [finding.text for finding in cluster.found() if finding.fault]
    assert len(faults) == len(deleting) > 0
    assert all(
        "864000.0 s behind: Kafka deletes what we publish as soon as it looks, read or not" in text for text in faults
    )
    cluster.off_ms = -6 * 86_400_000
    assert not [finding for finding in cluster.found() if finding.fault]
    cluster.off_ms = -10 * 86_400_000
    for config in cluster.configs.values():
        config["message.timestamp.type"] = "LogAppendTime"
    assert not [finding for finding in cluster.found() if finding.fault]


@pytest.mark.parametrize(
    ("topic", "allowed", "fault", "says"),
    [
        (EVENTS, {"Read", "Describe"}, True, "access control gives this client no Write"),
        (EVENTS, {"Write", "Describe"}, False, "no Read: a transaction that Kafka left open cannot be looked for"),
        (POSITIONS, {"Describe"}, True, "access control gives this client no Read and no Write"),
        (POSITIONS, {"Write", "Describe"}, True, "access control gives this client no Read"),
    ],
)
def test_what_access_control_does_not_allow(topic: str, allowed: set[str], fault: bool, says: str) -> None:  # noqa: FBT001
    """With the command that allows it, for this client's own name."""
    cluster = Cluster()
    cluster.topics[topic] = replace(cluster.topics[topic], allowed=frozenset(allowed))
    (finding,) = cluster.found()
    assert finding.fault is fault
    assert says in finding.text
    assert "--allow-principal User:receiver --operation Read --operation Write" in finding.mend
    assert finding.mend.endswith(f"--topic {topic}")


@pytest.mark.parametrize(
    ("topic", "change", "says"),
    [
        (EVENTS, TopicSeen("UNKNOWN_TOPIC_OR_PARTITION"), f"topic {EVENTS} is missing"),
        (EVENTS, TopicSeen("TOPIC_AUTHORIZATION_FAILED"), "may not be seen by this client"),
        (EVENTS, TopicSeen("INVALID_TOPIC_EXCEPTION"), "cannot be used: INVALID_TOPIC_EXCEPTION"),
        (EVENTS, seen(6), "has 6 partitions, and its keys go over 3"),
        (EVENTS, seen(2), "it was made anew with fewer, and nothing goes to it"),
        (EVENTS, seen(3, Replicas(-1, 3, 3)), "has a partition without leader"),
        (EVENTS, seen(3, Replicas(1, 3, 1)), "fewer replicas in sync than min.insync.replicas=2"),
        (POSITIONS, seen(3), "has 3 partitions, and must have exactly one"),
        (TRANSACTIONS_TOPIC, seen(1, Replicas(-1, 3, 3)), "transactions cannot go on"),
        (TRANSACTIONS_TOPIC, seen(1, Replicas(1, 3, 1)), "transactions cannot go on"),
    ],
)
def test_a_topic_that_cannot_be_used(topic: str, change: TopicSeen, says: str) -> None:
    """One fault, and not one for each thing that follows from it."""
    cluster = Cluster()
    cluster.topics[topic] = change
    (finding,) = cluster.found()
    assert finding.fault
    assert says in finding.text
    assert finding.mend


def test_a_partition_count_that_nobody_changed_and_nobody_configured_is_only_said() -> None:
    """`topics create` refuses to go on until the two agree."""
    cluster = Cluster(remembered={})
    cluster.topics[EVENTS] = seen(12)
    (finding,) = cluster.found()
    assert not finding.fault
    assert finding.mend == "kafka.topics.partitions = 12"


def test_transactions_that_cannot_be() -> None:
    """Each reason that can be seen beforehand; none of them matters without transactions."""
    denied = "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    few = Cluster(brokers=(1,))
    few.topics[TRANSACTIONS_TOPIC] = TopicSeen("UNKNOWN_TOPIC_OR_PARTITION")
    clusters = {
        "the brokers know no transactions": Cluster(ids=None),
        "transactional id receiver-j may not be used": Cluster(ids={"receiver-j": denied}),
        "transaction.max.timeout.ms=10000": Cluster(broker={**BROKER, "transaction.max.timeout.ms": "10000"}),
        "transaction.state.log.replication.factor=3, and there are 1 brokers": few,
    }
    for says, cluster in clusters.items():
        (finding,) = cluster.found()
        assert finding.fault
        assert says in finding.text
        assert cluster.found(replace(WANTED, transactional=False)) == []
    (note,) = Cluster(ids={"receiver-replay-check": denied}).found()
    assert not note.fault


def test_what_may_not_be_looked_at_is_said_and_no_fault() -> None:
    """A client with the least rights publishes all the same."""
    found = Cluster(configs={}, broker={}, off_ms=None, quotas=None).found()
    assert len(found) == 3
    assert not any(finding.fault for finding in found)


def test_what_else_an_operator_should_know() -> None:
    """Brokers that make topics, throttling, quotas that hold for us and not for others."""
    auto = Cluster(broker={**BROKER, "auto.create.topics.enable": "true"}).found()
    assert ["auto.create.topics.enable=true" in finding.text for finding in auto] == [True]
    quotas = [
        ({"user": "receiver"}, {"producer_byte_rate": 65536.0}),
        ({"user": None}, {"producer_byte_rate": 1000.0}),
        ({"user": "another"}, {"producer_byte_rate": 2000.0}),
        ({"client-id": "another"}, {"producer_byte_rate": 3000.0}),
        ({"user": "receiver"}, {"consumer_byte_rate": 4000.0}),
    ]
    texts = " ".join(finding.text for finding in Cluster(quotas=quotas, throttled_ms=80).found())
    assert "65536 bytes/s holds for what user receiver writes" in texts
    assert "1000 bytes/s holds for what user by default writes" in texts
    assert "a question waited 80 ms" in texts
    assert not any(other in texts for other in ("2000", "3000", "4000"))
    one_copy = Cluster()
    one_copy.topics[EVENTS] = seen(3, Replicas(1, 1, 1))
    one_copy.configs[EVENTS]["min.insync.replicas"] = "1"
    assert ["1 replica, and there are 3 brokers" in finding.text for finding in one_copy.found()] == [True]
