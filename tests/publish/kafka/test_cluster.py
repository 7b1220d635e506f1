"""The handle on Kafka, without a broker; ``tests/contract/publish`` holds it against one."""

from __future__ import annotations

from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.kafka.topics import HISTORY_CONFIGS, POSITIONS_CONFIGS, STATE_CONFIGS, TopicSpec
from receiver.publish.routing import Rule

RULES = (Rule({"kind": "exchange"}, "mine"), Rule({"status": "failed"}, "alerts", also=True))


def test_a_routes_topic_is_one_of_the_status_topics() -> None:
    """As it is written, without the prefix; whoever reads the status events reads it too."""
    cluster = KafkaCluster({}, topic_prefix="eu.", rules=RULES, state_topics=True)
    assert cluster.status_topics[0] == "eu.exchange.status.v1"
    assert cluster.status_topics[-2:] == ["mine", "alerts"]
    assert not {topic for topic in cluster.status_topics if "state" in topic or "quarantine" in topic}


def test_state_topics_are_reached_only_where_they_are_asked_for() -> None:
    """Else nobody makes them, and nobody looks for them."""
    assert "exchange.state.v1" in KafkaCluster({}, state_topics=True).event_topics
    assert "exchange.state.v1" not in KafkaCluster({}).all_topics


def test_topics_are_made_as_they_are_used() -> None:
    """One partition for positions, compacted ones for states, and the configured numbers for the rest."""
    cluster = KafkaCluster({}, topic_prefix="eu.", rules=RULES, state_topics=True, partitions=12, replication=3)
    specs = {spec.name: spec for spec in map(cluster._spec, cluster.all_topics)}
    assert specs["eu.receiver.positions"] == TopicSpec("eu.receiver.positions", 1, 3, POSITIONS_CONFIGS, "positions")
    assert specs["eu.payout.state.v1"] == TopicSpec("eu.payout.state.v1", 12, 3, STATE_CONFIGS, "latest")
    assert specs["eu.exchange.status.v1"] == TopicSpec("eu.exchange.status.v1", 12, 3, HISTORY_CONFIGS)
    assert specs["mine"] == TopicSpec("mine", 12, 3, HISTORY_CONFIGS)
