"""Callbacks that kill, and callbacks that Kafka refuses: neither stops the line, neither vanishes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_local import LocalKafka

from tests.chaos import poison
from tests.chaos.oracle import committed
from tests.chaos.service import Service
from tests.chaos.traffic import ACCOUNT, ORGANISATION, Callback

pytestmark = pytest.mark.kafka


@pytest.fixture
def service(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[Service]:
    """A service with a bug in its native code."""
    with Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as made:
        assert made.receiver("topics", "create").returncode == 0
        made.environ["PYTHONPATH"] = os.pathsep.join([str(poison.folder(tmp_path)), str(Path.cwd())])
        made.start()
        made.wait_ready()
        yield made


def post(service: Service, document: dict[str, Any]) -> None:
    """One auto-swap callback, answered 200."""
    callback = Callback("swaps", "", "", json.dumps({"organizationId": ORGANISATION, **document}).encode(), ())
    assert service.post("swaps", callback.body, callback.headers(0)) == 200


@pytest.mark.long
def test_a_callback_that_kills_its_interpreter_is_alone_in_quarantine(
    service: Service, kafka: LocalKafka, prefix: str
) -> None:
    """By abort, segmentation fault or memory: three deaths alone, then ``internal_error``; neighbours are events."""
    service.kill("interpret", signal.SIGSTOP)
    for number in range(30):
        words = {7: "poison-abort", 15: "poison-segv", 22: "poison-memory"}
        post(service, {"id": f"swap-{number}", "status": "ERROR", "message": words.get(number, "fine")})
    service.kill("interpret", signal.SIGCONT)
    service.wait_published(30)
    events = committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
    assert sorted(int(seen.value["operation_id"].removeprefix("swap-")) for seen in events) == sorted(
        set(range(30)) - {7, 15, 22}
    )
    odd = committed(kafka.bootstrap, f"{prefix}webhook.quarantine.v1")
    assert [(seen.value["quarantine_id"], seen.value["reason"]) for seen in odd] == [
        (str(number + 1), "internal_error") for number in (7, 15, 22)
    ]
    log = service.log.read_text()
    assert "serve.callback_suspected" in log
    assert service.stop() == 0


def test_sigkill_condemns_nobody(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """However often it comes at the same callback."""
    for number in range(5):
        post(service, {"id": f"swap-{number}", "status": "PROCESSED"})
        for _ in range(3):
            service.kill("interpret")
            time.sleep(0.15)
    service.wait_published(5)
    assert len(committed(kafka.bootstrap, f"{prefix}exchange.status.v1")) == 5
    assert committed(kafka.bootstrap, f"{prefix}webhook.quarantine.v1") == []


def test_an_event_that_kafka_refuses_is_named_in_quarantine(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """Larger than the broker takes, smaller than our own limit: the sequence that consumers will miss is named."""
    assert service.stop() == 0
    limited = service.config.read_text().replace("[kafka]", "[kafka]\nrecord_bytes_max = 2000000")
    service.config.write_text(limited.replace("[server]", "[server]\nbody_bytes_max = 4000000"))
    service.start()
    service.wait_ready()
    large = {"kind": "Exchange", "id": "large", "status": "Done", "meta": "x" * 1_200_000, "merchantId": ACCOUNT}
    for one in (large | {"status": "Exchanged", "meta": "small"}, large, large | {"meta": "small"}):
        callback = Callback("0xpay-main", "", "", json.dumps(one).encode(), ())
        headers = callback.headers(int(time.time()))
        assert service.post("0xpay-main", callback.body, headers) == 200
    service.wait_published(3)
    events = committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
    assert [seen.value["sequence"] for seen in events] == [1, 3]
    (odd,) = committed(kafka.bootstrap, f"{prefix}webhook.quarantine.v1")
    assert odd.value["reason"] == "too_large_for_broker"
    assert "miss sequence 2 of large" in odd.value["detail"]
    checked = service.receiver("journal", "check")
    assert checked.returncode == 0, checked.stdout
