"""The alerts: each fires in its case and is silent beside it, and each row of the numbers to watch has its own.

Prometheus' own tool runs them, over invented series of two instances: one that is ill, and one that is well.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from exposition import scrape
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/receiver.rules.yml"
NUMBERS = ROOT / "docs/operate/numbers.md"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]
}


class Case(NamedTuple):
    """One alert's: series of the ill and the well instance, and what it says of the first after ``minutes``."""

    ill: dict[str, str]
    well: dict[str, str]
    labels: dict[str, str]
    minutes: int = 40


def constant(name: str, ill: str, well: str, minutes: int = 40, **labels: str) -> Case:
    """Give the case of a number that is above or below its limit for the whole time."""
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    series = f"{name}{{{text}}}"
    return Case({series: f"{ill}x{minutes}"}, {series: f"{well}x{minutes}"}, labels, minutes)


def rising(name: str, *, keep: tuple[str, ...] = ("source",), minutes: int = 30, **labels: str) -> Case:
    """Give the case of a counter that is set for the first time after a while, beside one that stands still."""
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    series = f"{name}{{{text}}}"
    kept = {key: value for key, value in labels.items() if key in keep}
    return Case({series: f"_x{minutes - 4} 3x6"}, {series: f"3x{minutes}"}, kept, minutes)


def slow(name: str, limit: str, above: str) -> Case:
    """Give the case of a histogram: a tenth takes longer than ``limit`` seconds, beside one of which nothing does."""
    rest = {f'{name}_bucket{{le="{bound}"}}': "0+100x40" for bound in (above, "+Inf")}
    within = f'{name}_bucket{{le="{limit}"}}'
    return Case({within: "0+90x40", **rest}, {within: "0+100x40", **rest}, {})


ANSWERS = 'receiver_callbacks_total{{source="a",answer="{}"}}'
CASES: dict[str, Case] = {
    "ReceiverAbsent": Case({}, {'receiver_process_up{role="intake"}': "1x10"}, {}, 10),
    "ReceiverProcessDown": constant("receiver_process_up", "0", "1", role="publish"),
    "ReceiverNotReady": constant("receiver_ready", "0", "1"),
    "ReceiverSlotOrphaned": constant("receiver_slot_lease_age_seconds", "-1", "0.5", slot="1"),
    "ReceiverDatabaseDown": constant("receiver_database_up", "0", "1"),
    "ReceiverInboxLost": Case(
        {"receiver_inbox_lost_total": "0x30 1x10"}, {"receiver_inbox_lost_total": "1x40"}, {}
    ),
    "ReceiverCommitUnsafe": Case(
        {"receiver_inbox_unsafe_commits_total": "0x30 3x10"}, {"receiver_inbox_unsafe_commits_total": "3x40"}, {}
    ),
    "ReceiverSlotTakenOver": Case(
        {"receiver_slot_takeovers_total": "0+1x40"}, {"receiver_slot_takeovers_total": "7x40"}, {}
    ),
    "ReceiverFenced": Case({"receiver_fenced_total": "0+1x40"}, {"receiver_fenced_total": "7x40"}, {}),
    "ReceiverHorizonStands": constant("receiver_inbox_horizon_age_seconds", "90", "2"),
    "ReceiverPartsMissing": constant("receiver_inbox_in_no_part", "5", "0"),
    "ReceiverRefusing": rising("receiver_callbacks_total", source="a", answer="503"),
    "ReceiverUnauthorized": Case(
        {ANSWERS.format(200): "0+100x40", ANSWERS.format(401): "0+10x40"},
        {ANSWERS.format(200): "0+1000x40", ANSWERS.format(401): "0+10x40"},
        {"source": "a"},
    ),
    "ReceiverAllUnauthorized": Case(
        {ANSWERS.format(200): "9x40", ANSWERS.format(401): "0+1x40"},
        {ANSWERS.format(200): "0+1x40", ANSWERS.format(401): "0+1x40"},
        {"source": "a"},
    ),
    "ReceiverUnreadableRequests": rising("receiver_http_errors_total", keep=("why",), why="proxy_protocol"),
    "ReceiverConnectionsFull": constant("receiver_connections", "3600", "3000", state="idle")._replace(labels={}),
    "ReceiverCallersShed": rising("receiver_connections_refused_total", keep=("why",), why="unproven"),
    "ReceiverRepeated": Case(
        {'receiver_callbacks_repeated_total{source="a"}': "0+700x40"},
        {'receiver_callbacks_repeated_total{source="a"}': "0+500x40"},
        {"source": "a"},
    ),
    "ReceiverLimited": rising("receiver_callbacks_limited_total", source="a"),
    "ReceiverSourceSilent": Case(
        {'receiver_source_last_callback_timestamp_seconds{source="a"}': "-86400x40"},
        {'receiver_source_last_callback_timestamp_seconds{source="a"}': "0x40"},
        {"source": "a"},
    ),
    "ReceiverUninterpreted": constant("receiver_uninterpreted_age_seconds", "61", "59"),
    "ReceiverBacklog": constant("receiver_backlog_age_seconds", "61", "59"),
    "ReceiverBacklogGrows": Case(
        {"receiver_backlog": "0+100x40", "receiver_kafka_up": "1x40"},
        {"receiver_backlog": "0+100x40", "receiver_kafka_up": "0x40"},
        {},
    ),
    "ReceiverCommitSlow": slow("receiver_inbox_commit_seconds", "0.25", "0.5"),
    "ReceiverPublishSlow": slow("receiver_publish_seconds", "5", "10"),
    "ReceiverClockJumped": Case(
        {"receiver_clock_jumps_total": "0x25 1x5"}, {"receiver_clock_jumps_total": "1x30"}, {}, 30
    ),
    "ReceiverKafkaDown": constant("receiver_kafka_up", "0", "1"),
    "ReceiverThrottled": Case(
        {"receiver_kafka_throttled_seconds_total": "0+55x40"}, {"receiver_kafka_throttled_seconds_total": "0+30x40"}, {}
    ),
    "ReceiverPartitionsChanged": constant("receiver_topic_partitions_changed", "6", "0", topic="exchange.status.v1"),
    "ReceiverRecordRefused": rising("receiver_refused_total", source="a"),
    "ReceiverQuarantined": rising(
        "receiver_quarantined_total", keep=("source", "reason"), source="a", reason="unknown_status"
    ),
    "ReceiverConflict": rising("receiver_anomalies_total", source="a", anomaly="conflict"),
    "ReceiverPollCircuitOpen": constant("receiver_poll_circuit_open", "1", "0", source="a"),
    "ReceiverOperationsOverdue": constant("receiver_operations_overdue", "1", "0", source="a"),
    "ReceiverCallbacksLost": Case(
        {'receiver_polls_learnt_total{source="a"}': "0x100 0+1x60"},
        {'receiver_polls_learnt_total{source="a"}': "0+100x100 10000+1x60"},
        {"source": "a"},
        155,
    ),
    "ReceiverRestarting": Case(
        {'receiver_process_restarts_total{role="publish"}': "0x25 5x5"},
        {'receiver_process_restarts_total{role="publish"}': "0x25 1x5"},
        {"role": "publish"},
        30,
    ),
    "ReceiverLogLost": Case(
        {"receiver_log_lines_lost_total": "0x25 1x5"}, {"receiver_log_lines_lost_total": "1x30"}, {}, 30
    ),
    "ReceiverDiskFills": Case(
        {"receiver_disk_free_bytes": "9000000000-10000000x40"}, {"receiver_disk_free_bytes": "9000000000-1000000x40"},
        {},
    ),
    "ReceiverDiskFull": constant("receiver_disk_free_bytes", "199000000", "201000000"),
    "ReceiverWalGrows": constant("receiver_inbox_wal_bytes", "268435457", "268435456"),
    "ReceiverTracesLost": Case(
        {"receiver_trace_spans_lost_total": "0+3x60", "receiver_trace_records_skipped_total": "0x60"},
        {"receiver_trace_spans_lost_total": "0x20 500x40", "receiver_trace_records_skipped_total": "0x20 900x40"},
        {},
        60,
    ),
    "ReceiverDescriptorsFew": Case(
        {'receiver_process_open_fds{role="intake"}': "820x40", 'receiver_process_max_fds{role="intake"}': "1024x40"},
        {'receiver_process_open_fds{role="intake"}': "810x40", 'receiver_process_max_fds{role="intake"}': "1024x40"},
        {"role": "intake"},
    ),
}  # fmt: skip


def of_instance(series: dict[str, str], instance: str) -> list[dict[str, str]]:
    """Give series as promtool takes them, each with the label of its instance."""
    return [
        {
            "series": re.sub(r"^(\w+)(?:\{(.*)\})?$", rf'\1{{instance="{instance}",\2}}', name).replace(",}", "}"),
            "values": values,
        }
        for name, values in series.items()
    ]


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run it; skip aloud where it is not."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not here; Debian has it in the package prometheus")
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)


def test_every_alert_fires_in_its_case_and_is_silent_beside_it(tmp_path: Path) -> None:
    """Of two instances at once, so that one's illness is not charged to the other."""
    assert set(CASES) == set(ALERTS)
    files = []
    for name, case in CASES.items():
        rule = ALERTS[name]
        ill = {} if name == "ReceiverAbsent" else {"instance": "ill"}
        expected = {
            "exp_labels": {**ill, **case.labels, **rule["labels"]},
            "exp_annotations": {key: str(value) for key, value in rule["annotations"].items()},
        }
        well = of_instance(case.well, "well")
        both = [*of_instance(case.ill, "ill"), *([] if name == "ReceiverAbsent" else well)]
        at = {"eval_time": f"{case.minutes - 1}m", "alertname": name}
        tests = [
            {"interval": "1m", "input_series": both, "alert_rule_test": [{**at, "exp_alerts": [expected]}]},
            {"interval": "1m", "input_series": well, "alert_rule_test": [{**at, "exp_alerts": []}]},
        ]
        files.append(file_of(tmp_path, name, tests))
    done = promtool("test", "rules", *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(ALERTS), done.stdout


def file_of(folder: Path, name: str, tests: list[dict[str, Any]]) -> Path:
    """Write promtool's tests of one alert; its rule is alone beside them, so that no other one is evaluated with it."""
    rules = folder / f"{name}.rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "receiver", "rules": [ALERTS[name]]}]}), "utf-8")
    file = folder / f"{name}.yml"
    file.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": tests}), "utf-8")
    return file


def test_prometheus_reads_the_rules() -> None:
    """And its linter finds nothing."""
    done = promtool("check", "rules", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def exposed() -> frozenset[str]:
    """Give the names of all metrics, as they stand in a query."""
    names: set[str] = set()
    for family in text_string_to_metric_families(scrape()):
        names |= {sample.name for sample in family.samples} | ({family.name} if family.type == "gauge" else set())
    return frozenset(names)


def test_prometheus_finds_the_metrics_as_they_should_be() -> None:
    """Names, units and help, by its own linter."""
    done = promtool("check", "metrics", text=scrape())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def metrics_in(text: str) -> set[str]:
    """Give the names of our metrics that a query or a text names."""
    return set(re.findall(r"\breceiver_[a-z0-9_]+", text))


@pytest.mark.parametrize("name", ALERTS)
def test_what_an_alert_names_is_there(name: str) -> None:
    """Its metrics in a scrape, its page in the documents."""
    rule = ALERTS[name]
    assert metrics_in(rule["expr"])
    assert metrics_in(rule["expr"]) <= exposed()
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert anchor in anchors
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_number_to_watch_has_its_alert() -> None:
    """Row by row: the alert that a row names watches the row's metrics; and there is none without a row."""
    table = NUMBERS.read_text("utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines() if line.startswith("| `")]
    named: set[str] = set()
    for metrics, _, alerts in rows:
        of_row = set(re.findall(r"`(Receiver\w+)`", alerts))
        assert of_row, metrics
        watched = set().union(*(metrics_in(ALERTS[alert]["expr"]) for alert in of_row))
        plain = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in watched}
        assert metrics_in(metrics) <= plain, metrics
        named |= of_row
    assert named == set(ALERTS)
