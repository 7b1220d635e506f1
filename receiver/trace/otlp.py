"""Spans to an OpenTelemetry collector: OTLP over HTTP, as protobuf. The only module that knows the library.

The library is an extra (``otel``), so this is imported only where ``traces.endpoint`` is set. Headers, certificates and
compression are what its own variables say (``OTEL_EXPORTER_OTLP_HEADERS`` and so on).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from receiver.trace.spans import Kind, Span

TIMEOUT_S = 5.0
"""For one request, the library's own attempts included."""
KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
}
SCOPE = InstrumentationScope("receiver.trace")
NS_PER_US = 1000


class OtlpCollector:
    """``ports.Collector``."""

    def __init__(self, endpoint: str, version: str, journal_id: str) -> None:
        """``endpoint`` is the whole URL, as ``http://127.0.0.1:4318/v1/traces``."""
        names = {
            "service.name": "exchange-webhook-receiver",
            "service.version": version,
            "service.instance.id": journal_id,
        }
        self._resource = Resource(names)
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S)
        self._said = _LastWords()
        self._said.listen()

    def send(self, spans: Sequence[Span]) -> str | None:
        """Send them in one request."""
        self._said.last = ""
        result = self._exporter.export([self._readable(span) for span in spans])
        return None if result is SpanExportResult.SUCCESS else self._said.last or "the collector did not take them"

    def close(self) -> None:
        """Give its connections back."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._said.leave()

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id, remote=True)
        return ReadableSpan(
            span.name,
            context=_context(span.trace_id, span.span_id, remote=False),
            parent=parent,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=KINDS[span.kind],
            start_time=span.start_us * NS_PER_US,
            end_time=span.end_us * NS_PER_US,
            instrumentation_scope=SCOPE,
        )


def _context(trace_id: int, span_id: int, *, remote: bool) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=remote, trace_flags=TraceFlags(TraceFlags.SAMPLED))


class _LastWords(logging.Handler):
    """What the library would log of a failure, line after line: it becomes the reason, which is said once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._logger = logging.getLogger("opentelemetry")

    def listen(self) -> None:
        """Take the library's lines, and let nobody else have them."""
        self._logger.addHandler(self)
        self._logger.propagate = False

    def leave(self) -> None:
        """Undo it."""
        self._logger.removeHandler(self)
        self._logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
