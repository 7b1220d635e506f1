"""A whole service and a real OpenTelemetry collector, which hands on what it took to one that can be looked into.

`make collector` builds it, which is minutes of Go: where it is not, these tests say so, in CI too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka_local import LocalKafka

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.ports import free_port
from tests.trace.collector import PARENT_ID, TRACE_ID, TRACEPARENT, Told, collecting

CALLBACKS = 400
"""As fast as one caller sends them, each in a trace of its own."""
NAMES = ("receive", "interpret", "publish")


def program() -> str:
    """Give the collector; skip aloud where it is not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = os.environ.get("OTELCOL") or shutil.which("otelcol", path=str(cache / "receiver-tests/otelcol"))
    if found is None:
        pytest.skip("no OpenTelemetry collector is here: `make collector` builds one, with Go")
    return found


@contextmanager
def really_collecting(folder: Path) -> Iterator[tuple[str, Told]]:
    """Run the collector; the URL it listens on, and what it hands on."""
    otelcol, port = program(), free_port()
    with collecting() as told:
        document = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": {"otlp_http": {"endpoint": told.url.removesuffix("/v1/traces")}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
            },
        }
        (folder / "otelcol.yaml").write_text(json.dumps(document))  # which YAML is too
        with (folder / "otelcol.log").open("wb") as log:
            running = subprocess.Popen([otelcol, "--config", folder / "otelcol.yaml"], stdout=log, stderr=log)
            try:
                until(lambda: b"Everything is ready" in (folder / "otelcol.log").read_bytes())
                yield f"http://127.0.0.1:{port}/v1/traces", told
            finally:
                running.terminate()
                assert running.wait(60) == 0


@pytest.fixture
def traced(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[tuple[Service, Told]]:
    """A service with Kafka that tells the collector of everything."""
    with (
        really_collecting(tmp_path) as (url, told),
        Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as service,
    ):
        text = service.config.read_text()
        table = f'[traces]\nendpoint = "{url}"\nsample_ratio = 1\n\n[[sources]]'
        service.config.write_text(text.replace("[[sources]]", table, 1))
        assert service.receiver("topics", "create").returncode == 0
        service.start()
        service.wait_ready()
        yield service, told
        assert service.stop() == 0


def send(service: Service, operation: str, traceparent: str) -> int:
    """One callback of a new operation; the status of its answer."""
    body = json.dumps({"id": operation, "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}).encode()
    headers = traffic.Callback("swaps", "", "", body, ()).headers(int(time.time()))
    return service.post("swaps", body, {**headers, "traceparent": traceparent})


@pytest.mark.kafka
def test_a_real_collector_takes_all_that_it_is_told(traced: tuple[Service, Told]) -> None:
    """The three spans of each callback, under their parents, and none is lost of what comes as fast as one can send."""
    service, told = traced
    until(lambda: (send(service, f"swap-{time.time_ns()}", TRACEPARENT), told.named("publish"))[1])
    receive, interpret, publish = (told.named(name)[0] for name in NAMES)
    assert {span.trace_id.hex() for span in told.spans} == {TRACE_ID}
    assert receive.parent_span_id.hex() == PARENT_ID
    assert interpret.parent_span_id == publish.parent_span_id == receive.span_id
    assert told.resource["service.name"] == "exchange-webhook-receiver"
    traces = [f"{number:032x}" for number in range(1, CALLBACKS + 1)]
    for trace in traces:
        assert send(service, f"loaded-{trace}", f"00-{trace}-{PARENT_ID}-01") == 200
    wanted = {(trace, name) for trace in traces for name in NAMES}
    until(lambda: wanted <= {(span.trace_id.hex(), span.name) for span in told.spans})
    ids = [span.span_id for span in told.spans]
    assert len(ids) == len(set(ids))
    for counted in ("receiver_trace_spans_lost_total", "receiver_trace_records_skipped_total"):
        assert service.metric(counted) == 0
