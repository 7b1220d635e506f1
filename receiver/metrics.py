"""Numbers one can see: Prometheus metrics of each process, in registries of their own, without default collectors.

The supervisor joins the processes' texts into one ``/metrics``, so no two processes may have a metric of one name.
Label values are bounded: sources are the configured ones, answers, reasons and roles closed lists.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from receiver.ports import OutboxRecord

COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
PUBLISH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
POLL_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
UNKNOWN_NAMES_MAX = 50
"""Field names a source may have as labels: they are the provider's, and must not fill our memory."""
NO_SOURCE = "-"
"""The label of requests for a source that is not configured: their names are the caller's."""


class WebMetrics(Collector):
    """Of the web process. What each callback touches is counted in plain Python and read when somebody asks.

    Measured: 0.3 µs a callback, where the client's own counters and histogram took 2.8.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers: Counts[tuple[str, int]] = Counts()
        self._commits = [0] * (len(COMMIT_BUCKETS_S) + 1)
        self._commits_s = 0.0
        self._last_us: dict[str, int] = {}
        self.queued = Gauge("receiver_inbox_queued", "Callbacks waiting for a commit", registry=self.registry)
        self.disk_free = Gauge("receiver_disk_free_bytes", "Free space of the journal's disk", registry=self.registry)
        self.wal = Gauge("receiver_inbox_wal_bytes", "Size of the inbox's write-ahead log", registry=self.registry)
        self.clock_jumps = Counter(
            "receiver_clock_jumps", "Jumps of the wall clock against the monotonic one", registry=self.registry
        )
        self.registry.register(self)

    def answered(self, source: str, status: int) -> None:
        """Count one answer."""
        self._answers[source, status] += 1

    def committed(self, source: str, seconds: float, at_us: int) -> None:
        """Note one commit."""
        self._commits[bisect_left(COMMIT_BUCKETS_S, seconds)] += 1
        self._commits_s += seconds
        self._last_us[source] = at_us

    def collect(self) -> Iterator[Metric]:
        """What the registry asks for."""
        answers = CounterMetricFamily(
            "receiver_callbacks", "Callbacks by source and answer", labels=["source", "answer"]
        )
        for (source, status), count in tuple(self._answers.items()):
            answers.add_metric([source, str(status)], count)
        yield answers
        bounds = [*map(str, COMMIT_BUCKETS_S), "+Inf"]
        yield HistogramMetricFamily(
            "receiver_inbox_commit_seconds",
            "From the verified callback to its fsynced commit",
            buckets=list(zip(bounds, accumulate(self._commits), strict=True)),
            sum_value=self._commits_s,
        )
        last = GaugeMetricFamily(
            "receiver_source_last_callback_timestamp_seconds",
            "Unix time of the last accepted callback",
            labels=["source"],
        )
        for source, at_us in tuple(self._last_us.items()):
            last.add_metric([source], at_us / 1e6)
        yield last


class RelayMetrics(Collector):
    """Of the relay process, which interprets."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._outcomes: Counts[tuple[str, str]] = Counts()
        self._quarantined = Counter(
            "receiver_quarantined", "Callbacks in quarantine by reason", ["source", "reason"], registry=self.registry
        )
        self._anomalies = Counter(
            "receiver_anomalies", "Status events by anomaly", ["source", "anomaly"], registry=self.registry
        )
        self._unknown_names: dict[str, set[str]] = {}
        self._unknown_fields = Counter(
            "receiver_unknown_fields",
            "Callbacks with a body field that means nothing to us",
            ["source", "field"],
            registry=self.registry,
        )
        self.source_silent = Gauge(
            "receiver_source_silent_seconds", "Since a source's last callback", ["source"], registry=self.registry
        )
        self.uninterpreted = Gauge("receiver_uninterpreted", "Callbacks not yet interpreted", registry=self.registry)
        self.uninterpreted_age = Gauge(
            "receiver_uninterpreted_age_seconds", "Age of the oldest uninterpreted callback", registry=self.registry
        )
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What each callback touches, counted in plain Python."""
        outcomes = CounterMetricFamily(
            "receiver_interpreted", "Callbacks by what became of them", labels=["source", "outcome"]
        )
        for (source, outcome), count in tuple(self._outcomes.items()):
            outcomes.add_metric([source, outcome], count)
        yield outcomes

    def unknown_field(self, source: str, name: str, count: int) -> None:
        """Count callbacks with a body field that means nothing to us; a source has at most so many names."""
        names = self._unknown_names.setdefault(source, set())
        if len(names) < UNKNOWN_NAMES_MAX:
            names.add(name)
        self._unknown_fields.labels(source, name if name in names else "(others)").inc(count)

    def interpreted(self, source: str, outcome: str) -> None:
        """Count one callback: ``event``, ``duplicate`` or ``quarantine``."""
        self._outcomes[source, outcome] += 1

    def quarantined(self, source: str, reason: str) -> None:
        """Count one quarantined callback."""
        self._quarantined.labels(source, reason).inc()

    def anomaly(self, source: str, anomaly: str) -> None:
        """Count one anomaly of an event."""
        self._anomalies.labels(source, anomaly).inc()


class PublisherMetrics:
    """Of the publisher process."""

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
        self.backlog = Gauge("receiver_backlog", "Outbox records not yet on Kafka", registry=self.registry)
        self.backlog_age = Gauge(
            "receiver_backlog_age_seconds", "Age of the oldest record that is not on Kafka", registry=self.registry
        )
        self.kafka_up = Gauge("receiver_kafka_up", "1 while records go through to Kafka", registry=self.registry)

    def published(self, records: Sequence[OutboxRecord], seconds: float) -> None:
        """Note one transaction."""
        events = sum(record.record_type == "event" for record in records)
        self._published.labels("event").inc(events)
        self._published.labels("quarantine").inc(len(records) - events)
        self._publish.observe(seconds)

    def refused(self, source: str) -> None:
        """Count one record that Kafka refused for good."""
        self._refused.labels(source).inc()


class ReconcileMetrics:
    """Of the reconcile process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._asked = Counter(
            "receiver_polls",
            "Calls of APIs by what came of them",
            ["source", "answer"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "receiver_poll_seconds", "One call of a provider's API", buckets=POLL_BUCKETS_S, registry=self.registry
        )
        self._learnt = Counter(
            "receiver_polls_learnt", "Answers that said something new", ["source"], registry=self.registry
        )
        self.open = Gauge(
            "receiver_operations_open", "Operations that a provider is asked about", ["source"], registry=self.registry
        )
        self.overdue = Gauge(
            "receiver_operations_overdue", "Those open for longer than overdue_s", ["source"], registry=self.registry
        )
        self.circuit_open = Gauge(
            "receiver_poll_circuit_open", "1 while a source's API is left alone", ["source"], registry=self.registry
        )

    def asked(self, source: str, answer: str, seconds: float) -> None:
        """Count one call: ``ok``, or one of ``api.Failure``."""
        self._asked.labels(source, answer).inc()
        self._seconds.observe(seconds)

    def learnt(self, source: str) -> None:
        """Count one answer that said something new."""
        self._learnt.labels(source).inc()


def supervisor_text(up: Mapping[str, bool], restarts: Mapping[str, int]) -> bytes:
    """The supervisor's own metrics: which child is up, and how often each was started again."""
    registry = CollectorRegistry()
    alive = Gauge("receiver_process_up", "1 while the process lives and reports", ["role"], registry=registry)
    again = Counter("receiver_process_restarts", "Deaths of a process", ["role"], registry=registry)
    for role, is_up in up.items():
        alive.labels(role).set(is_up)
        again.labels(role).inc(restarts[role])
    return generate_latest(registry)


def render(registry: CollectorRegistry) -> bytes:
    """The exposition text of one registry."""
    return generate_latest(registry)
