"""A source's limit: off unless it is set, and used up by nothing but what would be stored."""

from __future__ import annotations

from receiver.intake.rates import Rates
from receiver.sandbox.fakes import FakeClock
from tests.support import OXPAY_VECTORS, Way

BODIES: list[bytes] = [one["body"].encode() for one in OXPAY_VECTORS["bodies"]]


def test_a_source_without_a_limit_has_none() -> None:
    """Whatever others have."""
    rates = Rates({"other": 1}, FakeClock())
    assert all(rates.take("main") for _ in range(10_000))


def test_as_many_as_a_second_may_bring_and_then_one_as_each_becomes_due() -> None:
    """Nothing is saved up beyond a second; a limit below one a second lets one through."""
    clock = FakeClock()
    rates = Rates({"main": 5, "slow": 0.1}, clock)
    assert [rates.take("main") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.advance(0.25)
    assert [rates.take("main") for _ in range(2)] == [True, False]
    clock.advance(3600)
    assert sum(rates.take("main") for _ in range(100)) == 5
    assert [rates.take("slow"), rates.take("slow")] == [True, False]
    clock.advance(9)
    assert not rates.take("slow")
    clock.advance(2)
    assert rates.take("slow")


async def test_above_it_a_genuine_callback_is_503_and_neither_junk_nor_repeats_use_it_up() -> None:
    """With Retry-After; counted, and tried again by the provider."""
    way = Way(remembered_max=10, rates={"0xpay-main": 1})
    for _ in range(5):
        assert (await way.post("0xpay-main", BODIES[0], [(b"signature", b"0" * 64)])).status_code == 401
    for _ in range(5):
        assert (await way.deliver("0xpay-main", BODIES[0])).status_code == 200
    answer = await way.deliver("0xpay-main", BODIES[1])
    assert (answer.status_code, answer.json()) == (503, {"error": "unavailable"})
    assert answer.headers["retry-after"] == "10"
    assert (await way.deliver("0xpay-main", BODIES[0])).status_code == 200
    assert (
        way.intake.metrics.registry.get_sample_value("receiver_callbacks_limited_total", {"source": "0xpay-main"}) == 1
    )
    assert way.log.named("callback.refused")[-1]["why"] == "rate_limited"
    way.clock.advance(1)
    assert (await way.deliver("0xpay-main", BODIES[1])).status_code == 200
    assert [entry.callback.body for entry in way.inbox.entries] == BODIES[:2]
