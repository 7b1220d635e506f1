"""The numbers of the interpret process: each outcome by its source, and never more names than we can hold."""

from __future__ import annotations

from receiver.interpret.metrics import UNKNOWN_NAMES_MAX, InterpretMetrics


def test_outcomes_are_counted_by_source() -> None:
    """Two of one source are not one of another."""
    metrics = InterpretMetrics()
    for source, outcome in (("a", "event"), ("a", "event"), ("b", "duplicate")):
        metrics.interpreted(source, outcome)
    value = metrics.registry.get_sample_value
    assert value("receiver_interpreted_total", {"source": "a", "outcome": "event"}) == 2
    assert value("receiver_interpreted_total", {"source": "b", "outcome": "duplicate"}) == 1
    assert value("receiver_interpreted_total", {"source": "b", "outcome": "event"}) is None


def test_a_flood_of_unknown_names_fills_no_memory() -> None:
    """The first names of a source have their label, the rest are counted together; another source has its own."""
    metrics = InterpretMetrics()
    for number in range(UNKNOWN_NAMES_MAX + 7):
        metrics.unknown_field("a", f"field-{number}", 2)
    metrics.unknown_field("a", "field-0", 1)
    metrics.unknown_field("b", "field-99", 1)
    value = metrics.registry.get_sample_value
    assert value("receiver_unknown_fields_total", {"source": "a", "field": "field-0"}) == 3
    assert value("receiver_unknown_fields_total", {"source": "a", "field": "(others)"}) == 14
    assert value("receiver_unknown_fields_total", {"source": "a", "field": f"field-{UNKNOWN_NAMES_MAX}"}) is None
    assert value("receiver_unknown_fields_total", {"source": "b", "field": "field-99"}) == 1
