"""A quota is worked out from the waits that a broker asks for, and kept to."""

from __future__ import annotations

import math

import pytest

from receiver.publish.pace import FREE_BYTES_PER_S, WINDOW_S, Pace


class Broker:
    """One that holds a client to a quota as Kafka does, over the window that Kafka has unless configured."""

    def __init__(self, quota: float) -> None:
        self.quota = quota
        self.sent: list[tuple[float, int]] = []

    def asks_s(self, now_s: float, size: int) -> float:
        """Take so much, and give the wait after which the average is the quota."""
        self.sent.append((now_s, size))
        inside = sum(size for at, size in self.sent if at > now_s - WINDOW_S)
        return max(0.0, inside / self.quota - WINDOW_S)


@pytest.mark.parametrize("quota", [1_000, 64_000, 5_000_000])
def test_a_backlog_goes_out_evenly_at_the_quota(quota: float) -> None:
    """After the first burst no wait is long, and in all as much goes out as is allowed."""
    broker, pace, now_s, asked = Broker(quota), Pace(), 0.0, list[float]()
    size = int(quota * 1.5)
    for _ in range(100):
        asked_s = broker.asks_s(now_s, size)
        pace = pace.confirmed(now_s, size, asked_s)
        asked.append(asked_s)
        now_s += max(asked_s, pace.lasts_s(size), 0.01)
    assert max(asked[20:]) < 3
    assert sum(size for _, size in broker.sent) == pytest.approx(quota * (now_s + WINDOW_S), rel=0.15)


def test_without_a_wait_nothing_is_held_back_and_a_quota_that_is_gone_is_forgotten() -> None:
    """Within a minute or two, since it is tried again with every transaction."""
    assert Pace().confirmed(0, 10**9, 0).lasts_s(10**9) == 0
    pace, steps = Pace().confirmed(0, 1_000_000, 5), 0
    assert pace.bytes_per_s < FREE_BYTES_PER_S
    while pace.bytes_per_s != math.inf:
        pace, steps = pace.confirmed(steps, 1000, 0), steps + 1
    assert steps < 100


def test_only_what_went_out_within_the_window_counts() -> None:
    """As the broker counts."""
    pace = Pace().confirmed(0, 500_000, 0).confirmed(WINDOW_S + 1, 100_000, 2)
    assert pace.bytes_per_s == pytest.approx(100_000 / (WINDOW_S + 2))
