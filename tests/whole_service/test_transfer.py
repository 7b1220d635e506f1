"""A journal's traffic carried to another, by file, by HTTP and by Kafka, and compared record by record."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from kafka_local import LocalKafka

from tests.chaos.oracle import committed
from tests.chaos.service import Service, until

pytestmark = [pytest.mark.kafka, pytest.mark.long(seconds=60)]
CALLBACKS = 600
ORIGIN = f"{os.environ.get('PYTEST_XDIST_WORKER', '')}transfer."
"""The prefix of the topics of the service that all of them share."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, kafka: LocalKafka) -> Iterator[Service]:
    """A running service with a day's traffic in small, from both providers, with faults; all of it published.

    The tests read it and change nothing of it.
    """
    with published(tmp_path_factory.mktemp("transfer") / "origin", kafka, ORIGIN, ("0xpay-main", "swaps")) as made:
        yield made


@contextmanager
def published(folder: Path, kafka: LocalKafka, prefix: str, sources: Sequence[str]) -> Iterator[Service]:
    """A running service to which these sources have sent their part, and whose events are on Kafka."""
    with Service(folder, kafka.bootstrap, prefix, forks=True) as made:
        assert made.receiver("topics", "create").returncode == 0
        made.start()
        made.wait_ready()
        with ThreadPoolExecutor() as together:
            for done in together.map(lambda source: simulate(made, source), sources):
                assert done.returncode == 0, done.stdout + done.stderr
                assert json.loads(done.stdout)["verified"] == "kafka: 0 wrong"
        yield made


def simulate(service: Service, source: str) -> subprocess.CompletedProcess[str]:
    """One provider's half of the traffic."""
    return service.receiver(
        "simulate", "--source", source, "--count", str(CALLBACKS // 2), "--rate", "400", "--seed", "1", "--json",
        "--duplicate", "5%", "--reorder", "5%", "--tamper", "2%", "--late", "3%", "--drop", "2%", "--unknown", "2%",
        "--verify", "kafka",
    )  # fmt: skip


def callbacks(service: Service) -> list[tuple[str, bytes, int]]:
    """Source, body and time of receipt of all that is in the inbox."""
    connection = apsw.Connection(str(service.folder / "journal" / "inbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows: list[Any] = list(connection.execute("SELECT source, body, received_at_us FROM callbacks ORDER BY number"))
    finally:
        connection.close()
    return [(str(source), bytes(body), int(at)) for source, body, at in rows]


def ok(done: subprocess.CompletedProcess[str], code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command, if it ended as it should."""
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def test_exported_imported_and_compared(origin: Service, kafka: LocalKafka, tmp_path: Path) -> None:
    """Masked lines need trust, unmasked ones verify; the events are the same; nothing is published again."""
    whole, hidden = tmp_path / "whole.jsonl", tmp_path / "masked.jsonl"
    ok(origin.receiver("export", "--unmasked", "--to", str(whole)))
    ok(origin.receiver("export", "--to", str(hidden)))
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600
    lines = hidden.read_text().splitlines()
    bodies = [base64.b64decode(json.loads(line)["body_base64"]) for line in lines]
    assert not any(b"4400000000000008" in body for body in bodies)
    assert len(lines) == len(callbacks(origin))

    copy = Service(tmp_path / "copy", kafka.bootstrap, ORIGIN, forks=True)
    refused = ok(copy.receiver("import", str(hidden)), 1)
    assert "cannot be verified" in refused.stderr
    assert not (copy.folder / "journal" / "inbox.db").exists()
    done = ok(copy.receiver("import", str(whole)))
    assert f"imported {len(callbacks(origin))} callbacks (0 unverified)" in done.stderr
    assert callbacks(copy) == callbacks(origin)
    assert copy.lines("tail") == origin.lines("tail")
    before = len(committed(kafka.bootstrap, f"{ORIGIN}exchange.status.v1"))
    copy.start()
    try:
        copy.wait_ready()
        until(lambda: (copy.readyz() or {})["kafka"]["state"] == "up" and not (copy.readyz() or {})["kafka"]["backlog"])
        assert len(committed(kafka.bootstrap, f"{ORIGIN}exchange.status.v1")) == before
        assert ok(copy.receiver("journal", "check")).returncode == 0
        busy = ok(copy.receiver("import", str(whole)), 1)
        assert "another receiver holds the journal" in busy.stderr
    finally:
        copy.destroy()


def test_imported_to_be_published_is_published(origin: Service, kafka: LocalKafka, prefix: str, tmp_path: Path) -> None:
    """On the word of the caller also what was masked."""
    hidden = tmp_path / "masked.jsonl"
    ok(origin.receiver("export", "--source", "0xpay-main", "--to", str(hidden)))
    copy = Service(tmp_path / "copy", kafka.bootstrap, f"{prefix}copy.", forks=True)
    ok(copy.receiver("topics", "create"))
    ok(copy.receiver("import", "--trust", "--publish", str(hidden)))
    copy.start()
    try:
        copy.wait_ready()
        events = len([event for event in origin.lines("tail") if event["source"] == "0xpay-main"])
        until(lambda: len(committed(kafka.bootstrap, f"{prefix}copy.exchange.status.v1")) == events)
    finally:
        copy.destroy()


def test_replayed_by_http_interrupted_and_resumed(origin: Service, tmp_path: Path) -> None:
    """To another receiver with the same secrets: the same events, whatever the interruption."""
    target = Service(tmp_path / "target", forks=True)
    target.start()
    try:
        target.wait_ready()
        url = f"http://127.0.0.1:{target.port}"
        dry = ok(origin.receiver("replay", "--to", "http", url, "--dry-run"))
        assert f"{len(callbacks(origin))} chosen" in dry.stderr
        assert callbacks(target) == []
        command = [
            sys.executable,
            "-m",
            "receiver",
            "replay",
            "--config",
            str(origin.config),
            "--to",
            "http",
            url,
            "--yes",
        ]
        environ = {**os.environ, **origin.environ}
        with subprocess.Popen(
            [*command, "--rate", "200"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as first:
            until(lambda: len(callbacks(target)) > 50)
            first.send_signal(signal.SIGINT)
            _, said = first.communicate(timeout=60)
        assert first.returncode == 130
        run_id = said.rsplit("--resume ", 1)[1].strip()
        done = subprocess.run(
            [*command, "--resume", run_id], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        kept = callbacks(target)
        assert len(kept) == len(callbacks(origin))
        assert sorted(body for _, body, _ in kept) == sorted(body for _, body, _ in callbacks(origin))
        until(lambda: len(target.lines("tail")) == len(origin.lines("tail")))
        facts = ("event_id", "sequence", "revision", "effective", "anomalies", "status", "spent")
        ours, theirs = (
            {tuple(str(event[name]) for name in facts) for event in one.lines("tail")} for one in (target, origin)
        )
        assert ours == theirs
        wrong = ok(origin.receiver("replay", "--to", "http", f"{url}/nowhere", "--yes", "--failures-max", "3"), 1)
        assert "3 callbacks in a row failed" in wrong.stderr
    finally:
        target.destroy()


def test_replayed_to_kafka_once_per_run(origin: Service, kafka: LocalKafka, prefix: str) -> None:
    """Same key, id and value, marked; a run that is repeated adds nothing; the relay's position is not touched."""
    ok(origin.receiver("topics", "create"))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(f"{prefix}copy", 3, 1)])[f"{prefix}copy"].result()
    first = ok(origin.receiver("replay", "--to", "kafka", "--topic", f"{prefix}copy", "--yes"))
    run_id = first.stderr.rsplit("receiver-replay: ", 1)[1].strip()
    again = ok(origin.receiver("replay", "--to", "kafka", "--topic", f"{prefix}copy", "--yes", "--resume", run_id))
    assert "published 0 events" in again.stderr
    copied = committed(kafka.bootstrap, f"{prefix}copy")
    relayed = committed(kafka.bootstrap, f"{ORIGIN}exchange.status.v1")
    assert sorted((seen.key, json.dumps(seen.value)) for seen in copied) == sorted(
        (seen.key, json.dumps(seen.value)) for seen in relayed
    )
    assert {seen.headers["receiver-replay"] for seen in copied} == {run_id}
    from_kafka = ok(
        origin.receiver("replay", "--from", "kafka", "--to", "stdout", "--status", "completed", "--limit", "3")
    )
    assert [json.loads(line)["status"] for line in from_kafka.stdout.splitlines()] == ["completed"] * 3
    one = origin.lines("tail")[0]
    chosen = ok(origin.receiver("replay", "--to", "stdout", "--operation", one["operation_id"], "--sequence", "1"))
    assert [json.loads(line) for line in chosen.stdout.splitlines()] == [one]
    ok(origin.receiver("journal", "check"))
    missing = ok(origin.receiver("replay", "--to", "kafka", "--topic", f"{prefix}nowhere", "--yes"), 1)
    assert "is missing" in missing.stderr


CHANGED = """
from receiver.providers.onchainpay import callbacks as onchainpay
from dataclasses import replace
normalise = onchainpay.normalise
def changed(payload, source):
    facts = normalise(payload, source)
    return replace(facts, risk="reviewed") if facts.provider_status == "REJECTED" else facts
object.__setattr__(onchainpay.PROVIDER, "normalise", changed)
"""


def test_reprocess_publishes_what_todays_code_says_otherwise(kafka: LocalKafka, prefix: str, tmp_path: Path) -> None:
    """Field by field; only the changed ones, as new revisions, once."""
    with published(tmp_path / "origin", kafka, prefix, ["swaps"]) as origin:
        reprocess(origin, tmp_path)


def reprocess(origin: Service, tmp_path: Path) -> None:
    """With the code as it is, and then with one that judges rejected swaps otherwise."""
    assert "0 events would differ" in ok(origin.receiver("replay", "--reprocess")).stderr
    rejected = [event for event in origin.lines("tail") if event["provider_status"] == "REJECTED"]
    assert rejected
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "sitecustomize.py").write_text(CHANGED)
    assert origin.stop() == 0
    origin.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "new"), str(Path.cwd())])
    origin.start()
    origin.wait_ready()
    dry = ok(origin.receiver("replay", "--reprocess", "--dry-run"))
    rows = [json.loads(line) for line in dry.stdout.splitlines()]
    assert {str(row["differences"]) for row in rows} == {str({"risk": {"published": "low", "now": "reviewed"}})}
    assert len(rows) == len(rejected)
    ok(origin.receiver("replay", "--reprocess", "--yes"))
    until(lambda: len([e for e in origin.lines("tail") if e["risk"] == "reviewed"]) == len(rejected))
    assert "0 events would differ" in ok(origin.receiver("replay", "--reprocess")).stderr
    again = [event for event in origin.lines("tail") if event["risk"] == "reviewed"]
    assert {(event["revision"], event["anomalies"][-1]) for event in again} == {(2, "amended")}
    ok(origin.receiver("journal", "check"))
