"""A whole service that tells a collector of what it did, and one whose collector is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_local import LocalKafka

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.ports import free_port
from tests.trace.collector import PARENT_ID, TRACE_ID, TRACEPARENT, collecting

SWAP = {"id": "swap-1", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}


@pytest.fixture
def published(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[Service]:
    """An installation with Kafka, whose topics are there."""
    with Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as made:
        assert made.receiver("topics", "create").returncode == 0
        yield made


def traced(service: Service, url: str) -> None:
    """Have everything traced."""
    text = service.config.read_text()
    service.config.write_text(
        text.replace("[[sources]]", f'[traces]\nendpoint = "{url}"\nsample_ratio = 1\n\n[[sources]]', 1)
    )


def send(service: Service, **changes: str) -> int:
    """One callback, of a caller with a trace of its own."""
    body = json.dumps(SWAP | changes).encode()
    headers = traffic.Callback("swaps", "", "", body, ()).headers(int(time.time()))
    return service.post("swaps", body, {**headers, "traceparent": TRACEPARENT})


@pytest.mark.kafka
def test_a_callback_is_told_of_from_its_caller_to_kafka(published: Service) -> None:
    """Three spans in the caller's trace; a second process of the kind repeats none of them."""
    with collecting() as told:
        traced(published, told.url)
        published.start()
        published.wait_ready()
        until(lambda: published.metric("receiver_trace_spans_sent_total") is not None)
        until(lambda: (send(published, id=f"swap-{time.time_ns()}"), told.named("publish"))[1])
        receive, interpret, publish = (told.named(name)[0] for name in ("receive", "interpret", "publish"))
        assert {span.trace_id.hex() for span in told.spans} == {TRACE_ID}
        assert receive.parent_span_id.hex() == PARENT_ID
        assert interpret.parent_span_id == publish.parent_span_id == receive.span_id
        times = [receive.start_time_unix_nano, interpret.end_time_unix_nano, publish.end_time_unix_nano]
        assert times == sorted(times)
        assert published.kill("traces")
        assert send(published, id="after") == 200
        assert published.stop() == 0
        ids = [span.span_id for span in told.spans]
        assert len(ids) == len(set(ids))


def test_a_collector_that_is_away_costs_spans_and_nothing_else(service: Service) -> None:
    """Callbacks are answered; it is said once, counted, and heard again when it is back."""
    port = free_port()
    traced(service, f"http://127.0.0.1:{port}/v1/traces")
    service.start()
    service.wait_ready()
    numbers = iter(range(10_000))
    lost = "receiver_trace_spans_lost_total"
    until(lambda: (send(service, id=f"swap-{next(numbers)}") == 200, (service.metric(lost) or 0) > 0)[1])
    assert (service.readyz() or {})["ready"]
    with collecting(port) as told:
        until(lambda: (send(service, id=f"swap-{next(numbers)}") == 200, told.named("receive"))[1])
    assert service.log.read_text().count("traces.collector_away") == 1
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
