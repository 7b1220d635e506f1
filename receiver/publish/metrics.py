"""Numbers of the publish process."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from receiver.model.records import OutboxRecord
from receiver.publish.spread import Change

PUBLISH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PublishMetrics:
    """What the publish process counts and measures, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._published = Counter(
            "receiver_published", "Outbox records published", ["record_type"], registry=self.registry
        )
        self._publish = Histogram(
            "receiver_publish_seconds", "One Kafka transaction", buckets=PUBLISH_BUCKETS_S, registry=self.registry
        )
        self._refused = Counter(
            "receiver_refused", "Outbox records that Kafka refused", ["source"], registry=self.registry
        )
        self._throttled = Counter(
            "receiver_kafka_throttled_seconds",
            "Time that Kafka's quotas made the relay wait",
            registry=self.registry,
        )
        self.backlog = Gauge("receiver_backlog", "Outbox records not yet on Kafka", registry=self.registry)
        self.backlog_age = Gauge(
            "receiver_backlog_age_seconds", "Age of the oldest record that is not on Kafka", registry=self.registry
        )
        self._partitions_changed = Gauge(
            "receiver_topic_partitions_changed",
            "Partitions that a topic has more, or fewer, than its keys go over",
            ["topic"],
            registry=self.registry,
        )
        self.kafka_up = Gauge("receiver_kafka_up", "1 while records go through to Kafka", registry=self.registry)

    def published(self, records: Sequence[OutboxRecord], seconds: float) -> None:
        """Note one transaction."""
        events = sum(record.record_type == "event" for record in records)
        self._published.labels("event").inc(events)
        self._published.labels("quarantine").inc(len(records) - events)
        self._publish.observe(seconds)

    def partitions_changed(self, changed: Sequence[Change]) -> None:
        """Show which topics have another number of partitions than their keys go over."""
        self._partitions_changed.clear()
        for change in changed:
            self._partitions_changed.labels(change.topic).set(change.there - change.remembered)

    def refused(self, source: str) -> None:
        """Count one record that Kafka refused for good."""
        self._refused.labels(source).inc()

    def throttled(self, seconds: float) -> None:
        """Note how long the brokers asked to wait."""
        self._throttled.inc(seconds)
