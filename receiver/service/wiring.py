"""The one place that knows both sides: it decides what is real, wires it once, and hands it to who runs it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from receiver.intake.http_server import HttpServer
from receiver.interpret.poison import Suspects, after_death, points_at_the_batch
from receiver.interpret.poison_files import read_mark, read_suspects, write_suspects
from receiver.journal.sqlite.journal import Journal
from receiver.model.errors import ReceiverError
from receiver.service import logs, metrics
from receiver.service.admin import make_admin, readiness
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.kafka import need_kafka
from receiver.service.processes.intake import IntakeProcess
from receiver.service.processes.interpret import InterpretProcess
from receiver.service.processes.publish import PublishProcess
from receiver.service.processes.reconcile import ReconcileProcess, polled

LISTEN_BACKLOG = 2048


def service_log(*, people: bool = False, level: int = logging.INFO) -> Any:
    """Set logging up for this process and give its logger."""
    logs.configure(people=people, level=level)
    return logs.get()


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind and listen; raises ``ReceiverError`` with address and key where it is taken or not ours."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ReceiverError(f"cannot listen on {host}:{port}, set by {section}.host and .port: {why}") from None
    listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return listener


def intake_process(
    settings: Settings, environ: Mapping[str, str], journal: Journal, listener: socket.socket, wake: Callable[[], None]
) -> IntakeProcess:
    """The intake process's part; raises ``ConfigurationError``."""
    return IntakeProcess(settings, resolve_sources(settings, environ), journal, listener, wake, logs.get())


def interpret_process(
    settings: Settings, environ: Mapping[str, str], journal: Journal, on_records: Callable[[], None]
) -> InterpretProcess:
    """The interpret process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return InterpretProcess(settings, resolve_sources(settings, environ), journal, on_records, logs.get())


def publish_process(settings: Settings, environ: Mapping[str, str], journal: Journal) -> PublishProcess:
    """The publish process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    kafka = need_kafka(settings, environ)
    return PublishProcess(settings, kafka, resolve_sources(settings, environ), journal, logs.get())


def reconcile_process(settings: Settings, environ: Mapping[str, str], journal: Journal) -> ReconcileProcess:
    """The reconcile process's part; raises ``ConfigurationError``, ``JournalError``, ``StoreFailed``."""
    return ReconcileProcess(settings, resolve_sources(settings, environ), journal, logs.get(), all_sources=False)


def reconciles(settings: Settings) -> bool:
    """Whether any source's provider is asked."""
    return bool(polled(settings))


def note_death(journal: Journal, exit_code: int) -> Suspects | None:
    """Learn from a relay's death: what is suspected now, None where the death points at no callback."""
    if not points_at_the_batch(exit_code):
        return None
    known = read_suspects(journal.folder)
    suspects = after_death(known, *read_mark(journal.folder))
    if suspects == known:
        return None
    write_suspects(journal.folder, suspects)
    return suspects


def admin_server(
    listener: socket.socket, report: Callable[[], Mapping[str, Any]], text: Callable[[], bytes]
) -> HttpServer:
    """The admin listener's server."""
    return HttpServer(make_admin(report, text), listener, keep_alive_s=5, shutdown_timeout_s=1)


def supervisor_metrics(up: Mapping[str, bool], restarts: Mapping[str, int]) -> bytes:
    """The supervisor's own metrics."""
    return metrics.supervisor_text(up, restarts)


__all__ = ["HttpServer", "Journal", "readiness", "resolve_sources"]
