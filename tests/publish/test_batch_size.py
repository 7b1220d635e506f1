"""How much goes into one transaction: found out by trying, and never the same too large step again and again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receiver.model.records import OutboxRecord
from receiver.publish.batch_size import (
    BYTES_MAX,
    BYTES_SLOW_MIN,
    BYTES_START,
    CALM,
    RECORDS_MAX,
    TARGET_S,
    BatchSize,
    first_batch_size,
)

SIZE = BatchSize(records=100, bytes=1000, ceiling=RECORDS_MAX)


def records(*sizes: int) -> list[OutboxRecord]:
    """Records with values of these sizes."""
    return [
        OutboxRecord(
            number, "event", "id", "0xpay", "main", "m", "exchange", "exchange", "op", "completed",
            effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=1, traceparent=None, value=b"x" * size,
        )
        for number, size in enumerate(sizes, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "taken"), [((), 0), ((400, 600), 2), ((400, 601), 1), ((5000, 1), 1), ((1,) * 101, 100)]
)
def test_the_first_records_that_fit_go_out_and_one_in_any_case(sizes: tuple[int, ...], taken: int) -> None:
    """In order; a record larger than all that may go out goes alone."""
    assert SIZE.take(records(*sizes)) == records(*sizes)[:taken]


def test_it_grows_while_kafka_keeps_up_and_more_is_waiting() -> None:
    """Twice as much each time, up to a limit; what goes out because there is no more proves nothing."""
    size, steps = first_batch_size(), 0
    while size.bytes < BYTES_MAX:
        before, size, steps = size, size.confirmed(size.bytes, 0.01, 0, limited=True), steps + 1
        assert size.bytes <= 2 * before.bytes
    assert steps < 10
    assert first_batch_size().confirmed(10, 0.01, 0, limited=False).bytes == BYTES_START
    assert SIZE.confirmed(10, 0, 0, limited=True).bytes == 2000


@pytest.mark.parametrize("per_s", [500, 16_000, 64_000, 1_000_000, 100_000_000])
def test_at_any_pace_it_settles_where_a_transaction_takes_as_long_as_it_should(per_s: int) -> None:
    """A quota of any size: no transaction after the first few takes longer than the time that is aimed at."""
    size = first_batch_size()
    for _ in range(40):
        size = size.confirmed(size.bytes, 0.005, size.bytes / per_s, limited=True)
    assert size.bytes / per_s <= TARGET_S * 1.05
    assert size.bytes >= min(BYTES_MAX, 0.9 * TARGET_S * per_s)


def test_a_kafka_that_is_slow_whatever_the_size_is_not_sent_ever_less() -> None:
    """Each answer takes two seconds: smaller transactions would only mean more of them."""
    size = first_batch_size()
    for _ in range(100):
        size = size.confirmed(size.bytes, 2.0, 0, limited=True)
    assert size.bytes == BYTES_SLOW_MIN


def test_after_each_failure_it_is_a_quarter_down_to_one_record() -> None:
    """Of what was tried, and not of what might have been."""
    assert SIZE.failed(40, 800) == replace(SIZE, records=10, bytes=200, ceiling=20)
    size = SIZE
    for _ in range(20):
        size = size.failed(size.records, size.bytes)
    assert (size.records, size.bytes) == (1, 1)
    assert len(size.take(records(2000, 2000))) == 1


def test_a_number_of_records_that_failed_is_not_tried_again_soon() -> None:
    """A limit that nobody told us: half of what passed it is the most, for a good while."""
    assert (SIZE.too_large(100).records, SIZE.failed(100, 1000).records) == (12, 25)
    size = SIZE.too_large(100)
    assert size.ceiling == SIZE.failed(100, 1000).ceiling == 50
    for _ in range(CALM - 1):
        size = size.confirmed(1000, 0.01, 0, limited=True)
        assert size.records <= 50
    assert size.confirmed(1000, 0.01, 0, limited=True).ceiling == 100


def test_when_the_one_record_was_found_that_is_too_large_the_others_go_out_as_before() -> None:
    """It was to blame, and not their number."""
    size = SIZE.too_large(100).too_large(12).too_large(1).condemned()
    for _ in range(12):
        size = size.confirmed(1000, 0.01, 0, limited=True)
    assert size.records == RECORDS_MAX
