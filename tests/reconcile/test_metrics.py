"""What the reconcile process counts."""

from __future__ import annotations

from receiver.reconcile.metrics import ReconcileMetrics


def test_calls_are_counted_by_what_came_of_them() -> None:
    """Their times together; what was learnt by source."""
    metrics = ReconcileMetrics()
    metrics.asked("swaps", "ok", 0.3)
    metrics.asked("swaps", "down", 0.1)
    metrics.asked("swaps", "ok", 0.1)
    metrics.learnt("swaps")
    value = metrics.registry.get_sample_value
    assert value("receiver_polls_total", {"source": "swaps", "answer": "ok"}) == 2
    assert value("receiver_polls_total", {"source": "swaps", "answer": "down"}) == 1
    assert value("receiver_poll_seconds_count") == 3
    assert value("receiver_poll_seconds_bucket", {"le": "0.25"}) == 2
    assert value("receiver_polls_learnt_total", {"source": "swaps"}) == 1
