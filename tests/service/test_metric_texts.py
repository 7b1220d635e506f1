"""Texts of several processes become one that Prometheus takes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from receiver.service.metric_texts import joined
from receiver.service.metrics import render


def text(value: int) -> bytes:
    """What a process says that counts by source, and measures."""
    registry = CollectorRegistry()
    Counter("records", "Records", ["source"], registry=registry).labels('a "b", c} d').inc(value)
    Gauge("age_seconds", "An age", registry=registry).set(value)
    Histogram("took_seconds", "A time", buckets=(1, 5), registry=registry).observe(value)
    return render(registry)


def test_one_process_alone_is_said_as_it_was() -> None:
    """Nothing is added or moved where nobody shares a name."""
    assert joined([({}, text(3)), ({}, b"# HELP other x\n# TYPE other gauge\nother 1.0\n")]) == (
        text(3) + b"# HELP other x\n# TYPE other gauge\nother 1.0\n"
    )


def test_two_of_a_kind_are_told_apart_by_their_label() -> None:
    """Each family begins once, and each series stands once."""
    both = joined([({"slot": "0"}, text(3)), ({"slot": "1"}, text(4))]).decode()
    families = {family.name: family for family in text_string_to_metric_families(both)}
    assert both.count("# TYPE ") == len(families) == 3
    counted = {one.labels["slot"]: one.value for one in families["records"].samples}
    assert counted == {"0": 3.0, "1": 4.0}
    assert {one.labels["source"] for one in families["records"].samples} == {'a "b", c} d'}
    series = [(one.name, tuple(one.labels.items())) for family in families.values() for one in family.samples]
    assert len(set(series)) == len(series)
    assert {one.labels["slot"] for one in families["took_seconds"].samples} == {"0", "1"}
