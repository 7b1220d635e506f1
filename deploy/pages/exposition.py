"""All that ``/metrics`` can say, with each label set once: for the reference, and for the tests of alerts."""

from __future__ import annotations

from receiver.console.metrics import ConsoleMetrics
from receiver.intake.metrics import IntakeMetrics
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.slots import SlotState
from receiver.publish.metrics import PublishMetrics
from receiver.publish.spread import Change
from receiver.reconcile.metrics import ReconcileMetrics
from receiver.service.metrics import render, supervisor_text
from receiver.service.process_figures import Figures
from receiver.service.processes.keep import KeepMetrics
from receiver.service.shared_readiness import Shared, shared_text
from receiver.trace.metrics import TraceMetrics


def scrape() -> str:
    """Give what a service with all its processes exposes, each label set once."""
    intake, interpret, publish, reconcile = IntakeMetrics(), InterpretMetrics(), PublishMetrics(), ReconcileMetrics()
    intake.committed("a", 0.1, 1_000_000)
    intake.answered("a", 200)
    intake.repeated("a", 1_000_000)
    intake.limited("a")
    interpret.quarantined("a", "schema")
    interpret.anomaly("a", "late")
    interpret.unknown_field("a", "x", 1)
    interpret.interpreted("a", "event")
    interpret.source_silent.labels("a").set(1)
    publish.refused("a")
    publish.published([], 0.1)
    publish.partitions_changed([Change("exchange.status.v1", there=12, remembered=6)])
    reconcile.asked("a", "ok", 0.1)
    reconcile.learnt("a")
    for gauge in (reconcile.open, reconcile.overdue, reconcile.circuit_open):
        gauge.labels("a").set(1)
    console = ConsoleMetrics()
    console.requests.labels("redrive")
    console.refused.labels("login")
    figures = Figures(1, 1, 1, 1)
    own = supervisor_text({"intake": True}, {"intake": 0}, {"intake": figures}, ready=True, log_lines_lost=0)
    slots = [SlotState(0, 1, "worker", 0.5, 0, 0, 0)]
    shared = Shared("worker", slots, {}, asked=True, trouble=None, lease_s=5, kafka=True, takeovers=1, lost=1)
    keeper = KeepMetrics()
    texts = [shared_text(shared)]
    texts += [render(one.registry) for one in (intake, interpret, publish, reconcile, TraceMetrics(), console, keeper)]
    return b"".join([own, *texts]).decode()
