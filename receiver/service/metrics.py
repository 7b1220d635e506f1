"""Numbers one can see: Prometheus metrics of each process, in registries of their own, without default collectors.

The supervisor joins the processes' texts into one ``/metrics``, so no two processes may have a metric of one name.
Label values are bounded: sources are the configured ones, answers, reasons and roles closed lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


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
