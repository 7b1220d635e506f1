"""Shares of measured values, by rank."""

from __future__ import annotations

import pytest

from receiver.model.percentile import percentile


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, 0.0),
        ([7.0], 0.0, 7.0),
        ([7.0], 1.0, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(100, 0, -1)], 0.99, 100.0),
        ([float(n) for n in range(100, 0, -1)], 0.5, 51.0),
    ],
)
def test_the_value_of_a_share(values: list[float], share: float, found: float) -> None:
    """In whatever order they come; the whole share is the largest; of nothing it is 0."""
    assert percentile(iter(values), share) == found
