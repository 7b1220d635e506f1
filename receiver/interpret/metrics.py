"""Numbers of the interpret process."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

UNKNOWN_NAMES_MAX = 50
"""Field names a source may have as labels: they are the provider's, and must not fill our memory."""


class InterpretMetrics(Collector):
    """The numbers, and the registry that renders them."""

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
        """Count callbacks with a body field that means nothing to us.

        After ``UNKNOWN_NAMES_MAX`` names of one source the rest are counted together as ``(others)``.
        """
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
