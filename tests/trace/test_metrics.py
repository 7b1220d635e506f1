"""The numbers of the traces process."""

from __future__ import annotations

from receiver.service.metrics import render
from receiver.trace.metrics import TraceMetrics


def test_each_is_there_from_the_beginning() -> None:
    """An alert on one that grows needs its zero."""
    text = render(TraceMetrics().registry).decode()
    for name in ("spans_sent", "spans_lost", "records_skipped"):
        assert f"receiver_trace_{name}_total 0.0" in text
