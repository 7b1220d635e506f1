"""Numbers of the traces process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class TraceMetrics:
    """What the traces process counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sent = Counter("receiver_trace_spans_sent", "Spans that the collector took", registry=self.registry)
        self.lost = Counter(
            "receiver_trace_spans_lost",
            "Spans that the collector did not take, or that waited for Kafka beyond the limit",
            registry=self.registry,
        )
        self.skipped = Counter(
            "receiver_trace_records_skipped",
            "Outbox records that were passed over, since tracing was too far behind",
            registry=self.registry,
        )
