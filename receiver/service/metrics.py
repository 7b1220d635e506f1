"""Numbers one can see: Prometheus metrics of each process, in registries of their own, without default collectors.

The supervisor joins the processes' texts into one ``/metrics``, so no two processes may have a metric of one name.
Label values are bounded: sources are the configured ones, answers, reasons and roles closed lists. No metric says when
each of its series was made (``_created``): nobody asks, and it doubles what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest

from receiver.service.process_figures import Figures


def supervisor_text(
    up: Mapping[str, bool],
    restarts: Mapping[str, int],
    figures: Mapping[str, Figures | None],
    *,
    ready: bool,
    log_lines_lost: int,
) -> bytes:
    """The supervisor's metrics: which child is up and how often each was started again, whether callbacks are taken.

    ``figures`` are those of every process, the supervisor's own among them; ``log_lines_lost`` counts what all could
    not log.
    """
    registry = CollectorRegistry()
    build = Gauge("receiver_build_info", "1, with this release's version", ["version"], registry=registry)
    build.labels(version("exchange-webhook-receiver")).set(1)
    Gauge("receiver_ready", "1 while callbacks are taken", registry=registry).set(ready)
    alive = Gauge("receiver_process_up", "1 while the process lives and reports", ["role"], registry=registry)
    again = Counter("receiver_process_restarts", "Deaths of a process", ["role"], registry=registry)
    for role, is_up in up.items():
        alive.labels(role).set(is_up)
        again.labels(role).inc(restarts[role])
    lost = Counter("receiver_log_lines_lost", "Log lines that nobody took, of all processes", registry=registry)
    lost.inc(log_lines_lost)
    _add_figures(registry, figures)
    return render(registry)


def _add_figures(registry: CollectorRegistry, figures: Mapping[str, Figures | None]) -> None:
    cpu = Counter("receiver_process_cpu_seconds", "Time at the processor", ["role"], registry=registry)
    memory = Gauge("receiver_process_resident_memory_bytes", "Memory in use", ["role"], registry=registry)
    open_fds = Gauge("receiver_process_open_fds", "Open files, sockets too", ["role"], registry=registry)
    max_fds = Gauge("receiver_process_max_fds", "Limit of open files", ["role"], registry=registry)
    for role, of_process in figures.items():
        if of_process is not None:
            cpu.labels(role).inc(of_process.cpu_s)
            memory.labels(role).set(of_process.resident_bytes)
            open_fds.labels(role).set(of_process.open_fds)
            if of_process.max_fds is not None:
                max_fds.labels(role).set(of_process.max_fds)


def render(registry: CollectorRegistry) -> bytes:
    """The exposition text of one registry."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return generate_latest(registry)
