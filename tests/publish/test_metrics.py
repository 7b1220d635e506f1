"""Numbers of the publish process."""

from __future__ import annotations

from receiver.model.records import OutboxRecord
from receiver.publish.metrics import PublishMetrics


def record(record_type: str) -> OutboxRecord:
    """An outbox record of a type."""
    return OutboxRecord(
        1, record_type, "id", "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=1, traceparent=None, value=b"{}",
    )  # fmt: skip


def test_a_transaction_is_counted_by_what_it_held() -> None:
    """Events apart from quarantine records, and the transaction's own time."""
    metrics = PublishMetrics()
    metrics.published([record("event"), record("quarantine"), record("event")], 0.02)
    value = metrics.registry.get_sample_value
    assert value("receiver_published_total", {"record_type": "event"}) == 2
    assert value("receiver_published_total", {"record_type": "quarantine"}) == 1
    assert value("receiver_publish_seconds_count") == 1
    assert value("receiver_publish_seconds_sum") == 0.02


def test_what_kafka_refuses_is_counted_by_source() -> None:
    """Whose callbacks they were."""
    metrics = PublishMetrics()
    metrics.refused("main")
    assert metrics.registry.get_sample_value("receiver_refused_total", {"source": "main"}) == 1


def test_what_a_quota_makes_the_relay_wait_is_summed() -> None:
    """Each wait that a broker asked for."""
    metrics = PublishMetrics()
    metrics.throttled(1.5)
    metrics.throttled(2)
    assert metrics.registry.get_sample_value("receiver_kafka_throttled_seconds_total") == 3.5
