"""Times as text, there and back, without losing a digit."""

from __future__ import annotations

import pytest

from receiver.model.times import from_ms, from_us, instant, to_us


def test_times() -> None:
    """Milliseconds and microseconds as RFC 3339 UTC, with all their digits."""
    assert from_ms(1_716_800_123_456) == "2024-05-27T08:55:23.456Z"
    assert from_ms(946_684_800_000) == "2000-01-01T00:00:00.000Z"
    assert from_us(1_716_800_130_000_001) == "2024-05-27T08:55:30.000001Z"


def test_instants_are_ordered_by_time_and_not_by_notation() -> None:
    """Trailing zeros do not make a time later."""
    assert instant("2024-05-27T08:55:23Z") == instant("2024-05-27T08:55:23.000Z")
    assert instant("2024-05-27T08:55:23.4Z") < instant("2024-05-27T08:55:23.41Z")
    assert instant("2024-05-27T08:55:23.9Z") < instant("2024-05-27T08:55:24Z")


@pytest.mark.parametrize("us", [0, 1, 999_999, 1_716_800_130_000_001, 4_102_444_799_999_999])
def test_microseconds_are_read_back_as_they_were(us: int) -> None:
    """Also those that a float of seconds could not hold apart."""
    assert to_us(from_us(us)) == us
