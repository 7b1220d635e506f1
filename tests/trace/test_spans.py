"""The spans of a record: whose they are, and from when to when."""

from __future__ import annotations

import pytest

from receiver.trace.spans import published, sampled, understood
from tests.trace.collector import PARENT_ID, RECEIVED_US, TRACE_ID, TRACEPARENT, record

SEEN_US, PUBLISHED_US = RECEIVED_US + 40_000, RECEIVED_US + 900_000


def test_the_caller_is_the_parent_of_what_was_received() -> None:
    """And that of what came of it; one trace, of the times that are known."""
    receive, interpret = understood(record(7), SEEN_US)
    publish = published(record(7), SEEN_US, PUBLISHED_US)
    assert {span.trace_id for span in (receive, interpret, publish)} == {int(TRACE_ID, 16)}
    assert receive.parent_id == int(PARENT_ID, 16)
    assert interpret.parent_id == publish.parent_id == receive.span_id
    assert len({receive.span_id, interpret.span_id, publish.span_id}) == 3
    assert (receive.start_us, receive.end_us) == (RECEIVED_US, RECEIVED_US)
    assert (interpret.start_us, interpret.end_us) == (RECEIVED_US, SEEN_US)
    assert (publish.start_us, publish.end_us) == (SEEN_US, PUBLISHED_US)


def test_a_trace_begins_here_where_the_caller_has_none() -> None:
    """Each record's own; told twice it is the same, as after a restart."""
    receive, interpret = understood(record(7, None), SEEN_US)
    assert receive.parent_id is None
    assert understood(record(7, None), SEEN_US) == (receive, interpret)
    assert understood(record(8, None), SEEN_US)[0].trace_id != receive.trace_id


def test_a_clock_that_was_set_back_makes_no_span_that_ends_before_it_begins() -> None:
    """Collectors refuse them."""
    early_us = RECEIVED_US - 5_000_000
    assert understood(record(1), early_us)[1].end_us == RECEIVED_US
    publish = published(record(1), early_us, early_us)
    assert (publish.start_us, publish.end_us) == (RECEIVED_US, RECEIVED_US)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_the_ratio_is_of_all_traces(ratio: float) -> None:
    """By their ids, so that others who go by them choose the same."""
    ids = [f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}" for number in range(1, 2001)]
    traced = [record(number, f"00-{trace_id}-{PARENT_ID}-01") for number, trace_id in enumerate(ids, start=1)]
    mine = [record(number, None) for number in range(1, 2001)]
    for records in (traced, mine):
        chosen = sum(sampled(one, ratio) for one in records)
        assert abs(chosen - 2000 * ratio) <= 2000 * 0.05


def test_a_caller_that_keeps_nothing_of_its_own_is_not_followed() -> None:
    """Its flag says so; the flag of one that keeps it makes no difference."""
    assert sampled(record(1), 1.0)
    assert not sampled(record(1, TRACEPARENT[:-1] + "0"), 1.0)
    assert not sampled(record(1), 0.0)


def test_nothing_of_what_a_provider_wrote_is_told() -> None:
    """Ids and words of ours; of what stands in quarantine no operation."""
    said = understood(record(7), SEEN_US)[0].attributes
    assert said["receiver.operation"] == "operation-7"
    assert said["receiver.status"] == "completed"
    assert said["receiver.callback"] == 7
    quarantined = record(8, record_type="quarantine", operation_id="", status="", callback=None)
    assert set(understood(quarantined, SEEN_US)[0].attributes) == {
        "receiver.source", "receiver.provider", "receiver.record", "receiver.record_type", "receiver.record_id",
    }  # fmt: skip
