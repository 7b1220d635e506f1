"""A collector that speaks OTLP over HTTP, as protobuf, and keeps what it is told; and records to be told of."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver.model.records import OutboxRecord

RECEIVED_AT = "2026-11-26T10:00:00.123456Z"
RECEIVED_US = 1_795_687_200_123_456
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


def record(number: int, traceparent: str | None = TRACEPARENT, **changes: Any) -> OutboxRecord:
    """Some event."""
    fields: dict[str, Any] = {
        "number": number, "record_type": "event", "record_id": f"id-{number}", "provider": "0xpay", "source": "main",
        "account": "a", "family": "exchange", "kind": "exchange", "operation_id": f"operation-{number}",
        "status": "completed", "effective": True, "received_at": RECEIVED_AT, "callback": number,
        "traceparent": traceparent, "value": b"{}",
    }  # fmt: skip
    return OutboxRecord(**(fields | changes))


@dataclass
class Told:
    """What the collector was told, and how it answers."""

    url: str
    status: int = 200
    requests: int = 0
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> list[Span]:
        """Its spans of one name."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting(port: int = 0) -> Iterator[Told]:
    """Run one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/x-protobuf"
            told.requests += 1
            if told.status == 200:
                said = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                for group in ExportTraceServiceRequest.FromString(said).resource_spans:
                    told.resource = {one.key: one.value.string_value for one in group.resource.attributes}
                    told.spans += [span for scope in group.scope_spans for span in scope.spans]
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(told.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002  the library's name
            del format

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        told = Told(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield told
        finally:
            server.shutdown()
            serving.join()
