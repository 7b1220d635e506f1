"""When a clock may be believed; what goes by it is tested with stores, in ``tests/contract/journal``."""

from __future__ import annotations

import pytest

from receiver.journal.retention import DOUBT_US, cutoff_text, cutoff_us
from receiver.model.times import DAY_US


def test_the_cutoff() -> None:
    """Inclusive at the limit of doubt; an empty inbox has nothing to purge."""
    assert cutoff_us(100 * DAY_US, 100 * DAY_US - DOUBT_US, 10) == 90 * DAY_US
    assert cutoff_us(100 * DAY_US, 100 * DAY_US - DOUBT_US - 1, 10) is None
    assert cutoff_us(100 * DAY_US, 100 * DAY_US + DOUBT_US, 10) == 90 * DAY_US
    assert cutoff_us(100 * DAY_US, 100 * DAY_US + DOUBT_US + 1, 10) is None
    assert cutoff_us(100 * DAY_US, None, 10) is None
    assert cutoff_us(100 * DAY_US, 100 * DAY_US, 0) is None, "kept for ever"


@pytest.mark.parametrize(
    ("now_days", "days", "text"),
    [(100, 10, "1970-04-01T00:00:00.000000Z"), (100, 0, None), (5, 10, None)],
)
def test_the_cutoff_as_records_hold_it(now_days: int, days: int, text: str | None) -> None:
    """None where nothing may go, and where it would be before the first time that there is."""
    assert cutoff_text(now_days * DAY_US, now_days * DAY_US, days) == text
