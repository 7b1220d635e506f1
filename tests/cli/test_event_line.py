"""A record as one line for people: money, place, and what is unusual."""

from __future__ import annotations

import json
from dataclasses import replace

from receiver.cli.event_line import event_line
from tests.operate.desk import SWAPS, exchange
from tests.support import Way


async def test_an_event_says_what_was_given_and_got() -> None:
    """Digit for digit; its time without the day."""
    way = Way()
    await way.events("0xpay-main", [exchange("one")])
    line = event_line(way.outbox.records[0])
    assert line.plain == "08:55:30 0xpay-main   completed  #1 exchange one 100.25 USDT -> 0.05 ETH"
    assert [str(span.style) for span in line.spans] == ["green"]


async def test_the_date_is_said_where_the_day_is_another() -> None:
    """Than that of the line before; of what nobody could read too."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), b"junk"])
    event, junk = way.outbox.records
    for record in (event, junk):
        assert event_line(record, "2024-05-27").plain == event_line(record).plain
        assert event_line(record, "2024-05-28").plain == f"2024-05-27 {event_line(record).plain}"


async def test_what_is_unusual_is_at_the_end() -> None:
    """What came late has no effect; an event without amounts has none to show."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), exchange("one", status="Pending")])
    line = event_line(way.outbox.records[1]).plain
    assert " #2 exchange one " in line
    assert line.endswith(" [late] not effective")
    await way.events("swaps", [json.dumps(SWAPS["PENDING"] | {"amountFrom": None, "amountTo": None}).encode()])
    assert " #1 auto_swap " in event_line(way.outbox.records[2]).plain


async def test_what_nobody_could_read_has_its_reason() -> None:
    """And no status."""
    way = Way()
    await way.events("0xpay-main", [b"junk"])
    assert event_line(way.outbox.records[0]).plain == "08:55:30 0xpay-main   quarantined  not_json $"


async def test_what_was_simulated_says_so_at_the_end() -> None:
    """An event, and what nobody could read."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), b"junk"])
    lines = [event_line(replace(record, simulated=True)).plain for record in way.outbox.records]
    assert [line.endswith(" simulated") for line in lines] == [True, True]
