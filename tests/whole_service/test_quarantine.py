"""Quarantine, timeline, rejects and drift on a running service with a real Kafka, through the command line."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_local import LocalKafka

from tests.chaos import traffic
from tests.chaos.oracle import committed
from tests.chaos.service import Service, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

EVERY_S = 1.0
"""At most one of those that are refused for the same reason is kept in it, where nothing else is configured."""
NEW_WORD = """
import exchange_events
from receiver.model.operation import Step
from receiver.providers.onchainpay import callbacks as onchainpay
onchainpay.LIFECYCLES["auto-swap"].statuses["REFUNDED"] = Step("cancelled", 2, terminal=True)
"""
"""A table that has grown by a word, as a newer release would have it."""


@pytest.fixture
def service(tmp_path: Path, kafka: LocalKafka, prefix: str) -> Iterator[Service]:
    """A running service with state topics and a copy of failures."""
    with Service(tmp_path / "service", kafka.bootstrap, prefix, forks=True) as made:
        text = made.config.read_text().replace("[kafka]", "[kafka]\nstate_topics = true")
        text += f'\n[[routes]]\nmatch = {{ status = "failed" }}\ntopic = "{prefix}alerts"\nalso = true\n'
        made.config.write_text(text)
        done = made.receiver("topics", "create")
        assert done.returncode == 0, done.stderr
        made.start()
        made.wait_ready()
        yield made


def swap(identity: str, status: str, **more: Any) -> dict[str, Any]:
    """An auto-swap."""
    return {"id": identity, "organizationId": traffic.ORGANISATION, "status": status, **more}


@pytest.mark.long
def test_quarantined_mended_redriven(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """A word nobody knew: kept, listed, shown, redriven after the table has grown, once, in its place; and closed."""
    for document in (swap("s1", "PENDING"), swap("s1", "REFUNDED"), b"junk", swap("s2", "REFUNDED")):
        assert service.post_swap(document) == 200
    until(lambda: len(service.lines("quarantine", "list")) == 3)
    listed = service.lines("quarantine", "list")
    assert [(row["id"], row["reason"], row["detail"]) for row in listed] == [
        (2, "unknown_status", "status"), (3, "not_json", "$"), (4, "unknown_status", "status"),
    ]  # fmt: skip
    assert [row["id"] for row in service.lines("quarantine", "list", "--reason", "not_json")] == [3]
    assert service.lines("quarantine", "list", "--source", "0xpay-main") == []
    (shown,) = service.lines("quarantine", "show", "2")
    assert json.loads(shown["body"])["status"] == "REFUNDED"
    assert "x-api-signature" not in dict(shown["headers"])
    assert service.receiver("quarantine", "show", "1").returncode == 1
    assert {row["becomes"] for row in service.lines("quarantine", "redrive", "--dry-run")} == {"still quarantined"}

    broken = service.folder / "grown"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(NEW_WORD)
    service.environ["PYTHONPATH"] = os.pathsep.join([str(broken), str(Path.cwd())])
    assert service.stop() == 0
    service.start()
    service.wait_ready()
    dry = service.lines("quarantine", "redrive", "--id", "2", "--id", "3", "--dry-run")
    assert [(row["id"], row["becomes"]) for row in dry] == [(2, "event"), (3, "still quarantined")]
    assert (dry[0]["sequence"], dry[0]["effective"]) == (2, True)
    assert service.receiver("quarantine", "redrive", "--id", "2").returncode == 130
    done = service.receiver("quarantine", "redrive", "--yes")
    assert (done.returncode, "done" in done.stderr) == (0, True), done.stderr
    assert [row["id"] for row in service.lines("quarantine", "list")] == [3]
    assert "nothing in quarantine" in service.receiver("quarantine", "redrive", "--id", "2", "--yes").stderr
    assert service.receiver("quarantine", "close", "3", "--why", "the provider's own test").returncode == 0
    assert service.lines("quarantine", "list") == []
    assert service.lines("quarantine", "list", "--state", "closed")[0]["why"] == "the provider's own test"
    assert service.receiver("quarantine", "close", "3", "--why", "again").returncode == 1

    service.wait_published()
    events = committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
    mine = [seen.value for seen in events if seen.value["operation_id"] == "s1"]
    assert [(event["status"], event["sequence"]) for event in mine] == [("pending", 1), ("cancelled", 2)]
    states = {seen.key: seen.value["status"] for seen in committed(kafka.bootstrap, f"{prefix}exchange.state.v1")}
    assert set(states.values()) == {"cancelled"}
    assert len(committed(kafka.bootstrap, f"{prefix}webhook.quarantine.v1")) == 3
    assert service.receiver("journal", "check").returncode == 0


def test_the_timeline_says_what_arrived_and_where_it_lies(service: Service, kafka: LocalKafka, prefix: str) -> None:
    """Events, repetitions, late ones, quarantine; topic, partition and offset as an independent consumer sees them."""
    documents = [
        swap("t_1%", "PROCESSED"), swap("t_1%", "PROCESSED", updatedAt="2024-05-27T08:55:23.456Z"),
        swap("t_1%", "PENDING"), swap("t_1%", "NONSENSE"),
        swap("tx1%", "PROCESSED"), swap("failed-one", "ERROR", message="no liquidity"),
    ]  # fmt: skip
    for document in documents:
        assert service.post_swap(document) == 200
    service.wait_published(len(documents))
    rows = service.lines("show", "t_1%")
    assert [(row["callback"], row["outcome"]) for row in rows] == [
        (1, "event"), (2, "duplicate"), (3, "event"), (4, "quarantine"),
    ]  # fmt: skip
    assert (rows[2]["anomalies"], rows[2]["effective"], rows[3]["reason"]) == (["late"], False, "unknown_status")
    places = {
        (seen.headers["receiver-callback"], seen.partition, seen.offset)
        for seen in committed(kafka.bootstrap, f"{prefix}exchange.status.v1")
    }
    for row in (rows[0], rows[2]):
        (place,) = row["kafka"]
        assert place["topic"] == f"{prefix}exchange.status.v1"
        assert (str(row["callback"]), place["partition"], place["offset"]) in places
    whole = service.lines("show", f"onchainpay:{traffic.ORGANISATION}:auto_swap:t_1%25")
    assert [row["outcome"] for row in whole] == ["event", "duplicate", "event"]
    copied = committed(kafka.bootstrap, f"{prefix}alerts")
    assert [seen.value["operation_id"] for seen in copied] == ["failed-one"]
    assert len(service.lines("show", "failed-one")[0]["kafka"]) == 2
    assert "late" in service.receiver("show", "t_1%").stdout
    assert service.receiver("show", "nobody").returncode == 1


def test_rejects_are_sampled_and_explained(service: Service) -> None:
    """0600, whole, newest first; which reading would have matched is named."""
    assert service.receiver("rejects", "list").returncode == 0
    for secret in ("forged", traffic.ONCHAIN_SECRET + " "):
        assert service.post_swap(swap("r", "PENDING"), secret=secret) == 401
        time.sleep(1.1)
    until(lambda: len(service.lines("rejects", "list")) == 2)
    listed = service.lines("rejects", "list")
    assert {row["why"] for row in listed} == {"signature"}
    assert [row["id"] for row in listed] == sorted((row["id"] for row in listed), reverse=True)
    (explained,) = service.lines("rejects", "explain", str(listed[-1]["id"]))
    assert "no other reading matches" in explained["explanation"][-1]
    assert stat.S_IMODE((service.folder / "journal" / "rejects.db").stat().st_mode) == 0o600
    assert service.receiver("rejects", "explain", "999").returncode == 1
    since = time.monotonic()
    for _ in range(50):
        service.post_swap(swap("r", "PENDING"), secret="flood")
    kept = len(service.lines("rejects", "list", "--limit", "1000"))
    assert kept <= 2 + 1 + (time.monotonic() - since) / EVERY_S


def test_drift_and_silence_are_seen(service: Service) -> None:
    """Unknown fields by name, over restarts; when each source last spoke."""
    for number in range(3):
        odd = {"odd": 1} if number else {}
        assert service.post_swap(swap(f"d{number}", "PENDING", brandNewField=number, **odd)) == 200
    service.wait_published(3)
    assert service.stop() == 0
    rows = service.lines("drift")
    counted = {(row["source"], row["field"]): row["callbacks"] for row in rows if "field" in row}
    assert counted == {("swaps", "brandNewField"): 3, ("swaps", "odd"): 2}
    heard = {row["source"]: row["silent_s"] for row in rows if "field" not in row}
    assert heard["0xpay-main"] is None
    assert heard["swaps"] < 60
    assert "brandNewField" in service.receiver("drift").stdout
