"""What a collector is really told, byte for byte as it reads it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver.trace.otlp import OtlpCollector
from receiver.trace.spans import published, understood
from tests.ports import free_port
from tests.trace.collector import PARENT_ID, RECEIVED_US, TRACE_ID, Told, collecting, record


@pytest.fixture
def told() -> Iterator[Told]:
    """A collector that listens."""
    with collecting() as made:
        yield made


def test_spans_arrive_with_their_times_kinds_and_parents(told: Told) -> None:
    """Under the name of the service, its version and its journal."""
    with closing(OtlpCollector(told.url, "1.2.3", "journal-id")) as collector:
        spans = [*understood(record(7), RECEIVED_US + 5), published(record(7), RECEIVED_US + 5, RECEIVED_US + 9)]
        assert collector.send(spans) is None
    receive, interpret, publish = told.spans
    assert told.resource["service.name"] == "exchange-webhook-receiver"
    assert (told.resource["service.version"], told.resource["service.instance.id"]) == ("1.2.3", "journal-id")
    assert {span.trace_id.hex() for span in told.spans} == {TRACE_ID}
    assert receive.parent_span_id.hex() == PARENT_ID
    assert interpret.parent_span_id == publish.parent_span_id == receive.span_id
    kinds = [Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_PRODUCER]
    assert [span.kind for span in told.spans] == kinds
    assert interpret.start_time_unix_nano == RECEIVED_US * 1000
    assert publish.end_time_unix_nano == (RECEIVED_US + 9) * 1000
    said = {one.key: one.value for one in receive.attributes}
    assert (said["receiver.source"].string_value, said["receiver.effective"].bool_value) == ("main", True)


def test_a_collector_that_refuses_is_named_with_its_reason(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """The library's own lines are in no log of ours."""
    told.status = 400
    with closing(OtlpCollector(told.url, "1", "j")) as collector:
        why = collector.send(understood(record(1), RECEIVED_US))
        assert why is not None
        assert "400" in why
        told.status = 200
        assert collector.send(understood(record(1), RECEIVED_US)) is None
    assert not caplog.records
    assert not logging.getLogger("opentelemetry").handlers


def test_nobody_who_listens_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is given, and nothing raised."""
    monkeypatch.setattr("receiver.trace.otlp.TIMEOUT_S", 0.5)
    with closing(OtlpCollector(f"http://127.0.0.1:{free_port()}/v1/traces", "1", "j")) as collector:
        assert collector.send(understood(record(1), RECEIVED_US))
