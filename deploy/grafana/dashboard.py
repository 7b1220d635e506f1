"""The dashboard for Grafana, made by code: ``python deploy/grafana/dashboard.py > deploy/grafana/receiver.json``.

Four rows for the four promises: what was taken, understood, published, and asked for. Each panel is a question that one
has in an incident. The panels are Grafana's own; its kept builders (``grafana-foundation-sdk``) write them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

WIDTH, HEIGHT = 24, 7
"""Of Grafana's grid: a whole row, and one panel."""
OURS = 'job=~"$job", instance=~"$instance"'
OF_SOURCE = OURS + ', source=~"$source"'
RATE = "[$__rate_interval]"


class Query(NamedTuple):
    """A line of a panel."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """A question and its numbers."""

    title: str
    unit: str
    """One of Grafana's own unit ids."""
    description: str
    queries: Sequence[Query]


def quantiles(metric: str) -> list[Query]:
    """Give the median, and what one in a hundred exceeds, of a histogram in seconds."""
    return [
        Query(
            f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket{{{OURS}}}{RATE})))",
            f"p{round(quantile * 100)}",
        )
        for quantile in (0.5, 0.99)
    ]


ROWS: dict[str, Sequence[Panel]] = {
    "Taken: a 200 means that the callback is on disk": (
        Panel(
            "Callbacks a second, by answer",
            "reqps",
            "200 is taken. 503 is our side: /readyz says why. 401 is a wrong signature, or a rotated secret.",
            [Query(f"sum by (answer) (rate(receiver_callbacks_total{{{OF_SOURCE}}}{RATE}))", "{{answer}}")],
        ),
        Panel(
            "How long a commit takes",
            "s",
            "From the verified callback to its fsync, which the caller waits for.",
            quantiles("receiver_inbox_commit_seconds"),
        ),
        Panel(
            "Refused before it was a callback, a second",
            "reqps",
            "By what stands before the receiver, or by strangers: docs/operate/callers.md.",
            [
                Query(f"sum by (why) (rate(receiver_http_errors_total{{{OURS}}}{RATE}))", "{{why}}"),
                Query(f"sum by (why) (rate(receiver_connections_refused_total{{{OURS}}}{RATE}))", "closed: {{why}}"),
            ],
        ),
        Panel(
            "Since a source's last callback",
            "s",
            "A line that goes on rising is a source that has fallen silent.",
            [Query(f"time() - receiver_source_last_callback_timestamp_seconds{{{OF_SOURCE}}}", "{{source}}")],
        ),
    ),
    "Understood: nothing genuine is dropped": (
        Panel(
            "Interpreted a second, by outcome",
            "ops",
            "A duplicate is a callback that had been taken before, and makes no event.",
            [Query(f"sum by (outcome) (rate(receiver_interpreted_total{{{OF_SOURCE}}}{RATE}))", "{{outcome}}")],
        ),
        Panel(
            "Age of the oldest that waits",
            "s",
            "Callbacks that are not interpreted yet, and events that are not on Kafka yet.",
            [
                Query(f"receiver_uninterpreted_age_seconds{{{OURS}}}", "to be interpreted"),
                Query(f"receiver_backlog_age_seconds{{{OURS}}}", "to be published"),
            ],
        ),
        Panel(
            "Quarantine and anomalies",
            "short",
            "Within an hour. Quarantined callbacks are kept whole: receiver quarantine list.",
            [
                Query(f"sum by (reason) (increase(receiver_quarantined_total{{{OF_SOURCE}}}[1h]))", "{{reason}}"),
                Query(f"sum by (anomaly) (increase(receiver_anomalies_total{{{OF_SOURCE}}}[1h]))", "{{anomaly}}"),
            ],
        ),
    ),
    "Published: each event once and in order": (
        Panel(
            "Records published a second",
            "ops",
            "Events, and quarantine records.",
            [Query(f"sum by (record_type) (rate(receiver_published_total{{{OURS}}}{RATE}))", "{{record_type}}")],
        ),
        Panel(
            "Backlog",
            "short",
            "Records in the outbox that are not on Kafka yet. It drains by itself once Kafka is back.",
            [Query(f"receiver_backlog{{{OURS}}}", "records")],
        ),
        Panel(
            "Kafka",
            "percentunit",
            "Up is 1 while records go through. Throttled is the share of the time that a quota makes us wait.",
            [
                Query(f"receiver_kafka_up{{{OURS}}}", "up"),
                Query(f"rate(receiver_kafka_throttled_seconds_total{{{OURS}}}{RATE})", "throttled"),
            ],
        ),
        Panel(
            "How long a transaction takes", "s", "With Kafka, commit included.", quantiles("receiver_publish_seconds")
        ),
    ),
    "Asked: what callbacks did not tell": (
        Panel(
            "Calls of providers' APIs a second",
            "reqps",
            "And how many answers said something new: callbacks that were lost on their way.",
            [
                Query(f"sum by (answer) (rate(receiver_polls_total{{{OF_SOURCE}}}{RATE}))", "{{answer}}"),
                Query(f"sum (rate(receiver_polls_learnt_total{{{OF_SOURCE}}}{RATE}))", "said something new"),
            ],
        ),
        Panel(
            "Operations that are asked about",
            "short",
            "Open, and those of them for longer than the source's poll.overdue_s.",
            [
                Query(f"sum (receiver_operations_open{{{OF_SOURCE}}})", "open"),
                Query(f"sum (receiver_operations_overdue{{{OF_SOURCE}}})", "overdue"),
            ],
        ),
        Panel(
            "What the processes use",
            "percentunit",
            "Share of one processor, by process.",
            [Query(f"rate(receiver_process_cpu_seconds_total{{{OURS}}}{RATE})", "{{role}}")],
        ),
    ),
}


def make() -> dict[str, Any]:
    """Give the dashboard as Grafana imports it."""
    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    made = (
        dashboard.Dashboard("Exchange webhook receiver")
        .uid("exchange-webhook-receiver")
        .description("Four rows for the four promises of the receiver. Alerts: deploy/prometheus/receiver.rules.yml.")
        .tags(["receiver"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("utc")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for name, metric in {
        "job": "receiver_build_info",
        "instance": 'receiver_build_info{job=~"$job"}',
        "source": "receiver_callbacks_total{" + OURS + "}",
    }.items():
        variable = dashboard.QueryVariable(name).label(name).datasource(source).query(f"label_values({metric}, {name})")
        made.with_variable(
            variable.include_all(True).multi(True).all_value(".*").refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)  # noqa: FBT003  the builder's own signature
        )
    for title, panels in ROWS.items():
        made.with_row(dashboard.Row(title))
        for panel in panels:
            drawn = timeseries.Panel().title(panel.title).description(panel.description).unit(panel.unit).min(0)
            drawn.datasource(source).height(HEIGHT).span(WIDTH // len(panels))
            for number, query in enumerate(panel.queries):
                target = (
                    prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number))
                )
                drawn.with_target(target.datasource(source))
            made.with_panel(drawn)
    document: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    return document


if __name__ == "__main__":
    print(json.dumps(make(), indent=2, sort_keys=True))
