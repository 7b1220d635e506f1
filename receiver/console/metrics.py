"""Numbers of the console."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)


class ConsoleMetrics:
    """What a console counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.page_seconds = Histogram(
            "receiver_console_page_seconds", "Time to make a page", buckets=BUCKETS_S, registry=self.registry
        )
        self.listeners = Gauge("receiver_console_listeners", "Browsers that follow the tail", registry=self.registry)
        self.skipped = Counter(
            "receiver_console_events_skipped", "Events that a slow listener was not sent", registry=self.registry
        )
        self.requests = Counter(
            "receiver_console_requests", "Changes that people asked for", ["type"], registry=self.registry
        )
        self.refused = Counter(
            "receiver_console_refused", "Logins and changes that were refused", ["what"], registry=self.registry
        )
