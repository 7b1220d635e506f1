"""What providers changed: unknown fields by name, and for how long each source was silent."""

from __future__ import annotations

from receiver.operate.drift import silent_sources, unknown_fields
from tests.operate.desk import context_of, exchange
from tests.support import Way


async def test_unknown_fields_are_counted_with_their_first_day() -> None:
    """The most frequent first."""
    way = Way()
    await way.events("0xpay-main", [exchange("one", odd=1, newer=2)])
    way.clock.advance(86_400)
    await way.events("0xpay-main", [exchange("two", newer=3)])
    first = "2024-05-27T08:55:30.000000Z"
    assert unknown_fields(context_of(way)) == [
        {"source": "0xpay-main", "field": "newer", "callbacks": 2, "first_seen": first},
        {"source": "0xpay-main", "field": "odd", "callbacks": 1, "first_seen": first},
    ]


async def test_each_named_source_is_told_of_also_one_that_was_never_heard() -> None:
    """In the order in which they are named; whole seconds."""
    way = Way()
    await way.events("0xpay-main", [exchange("one")])
    way.clock.advance(90.4)
    assert silent_sources(context_of(way), ["swaps", "0xpay-main"]) == [
        {"source": "swaps", "last_callback": None, "silent_s": None},
        {"source": "0xpay-main", "last_callback": "2024-05-27T08:55:30.000000Z", "silent_s": 90},
    ]
