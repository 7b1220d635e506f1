"""Numbers of the reconcile process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

POLL_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


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
