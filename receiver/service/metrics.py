"""Numbers one can see: Prometheus metrics of each process, in registries of their own, without default collectors.

The supervisor joins the processes' texts into one ``/metrics``, so no two processes may have a metric of one name.
Label values are bounded: sources are the configured ones, answers, reasons and roles closed lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


def supervisor_text(up: Mapping[str, bool], restarts: Mapping[str, int], *, log_lines_lost: int) -> bytes:
    """The supervisor's metrics: which child is up, how often each was started again, and what all could not log."""
    registry = CollectorRegistry()
    alive = Gauge("receiver_process_up", "1 while the process lives and reports", ["role"], registry=registry)
    again = Counter("receiver_process_restarts", "Deaths of a process", ["role"], registry=registry)
    for role, is_up in up.items():
        alive.labels(role).set(is_up)
        again.labels(role).inc(restarts[role])
    lost = Counter("receiver_log_lines_lost", "Log lines that nobody took, of all processes", registry=registry)
    lost.inc(log_lines_lost)
    return generate_latest(registry)


def render(registry: CollectorRegistry) -> bytes:
    """The exposition text of one registry."""
    return generate_latest(registry)
