"""Callbacks counted, written as lines, and as items to be sent again."""

from __future__ import annotations

import json

from receiver.model.callback import VerifiedCallback
from receiver.operate.archive import read_any, to_line
from receiver.operate.export_callbacks import count, export, items, items_of_file
from receiver.operate.selection import Filter
from tests.operate.desk import context_of, exchange
from tests.support import ACCOUNT, Way


async def filled() -> Way:
    """Two callbacks about one exchange, one of them twice, and one that nobody can read."""
    way = Way()
    await way.events("0xpay-main", [exchange("one", status="Pending"), exchange("one"), exchange("one"), b"junk"])
    return way


async def test_a_count_says_of_what() -> None:
    """A duplicate counts as the event that it repeats, and what nobody could read as what became of it."""
    total, kinds = count(context_of(await filled()), Filter())
    assert total == 4
    assert kinds == {"exchange completed": 2, "exchange pending": 1, "quarantine": 1}


async def test_lines_hold_the_callback_and_for_people_what_it_became() -> None:
    """And read back as what was received."""
    way = await filled()
    lines = list(export(context_of(way), Filter(), unmasked=True))
    said = [json.loads(line) for line in lines]
    assert [(one["callback"], one["outcome"], one.get("operation"), one.get("status")) for one in said] == [
        (1, "event", "one", "pending"),
        (2, "event", "one", "completed"),
        (3, "duplicate", "one", "completed"),
        (4, "quarantine", None, None),
    ]
    back = [callback for _, callback, _ in read_any(b"\n".join(lines).decode(), None, 0)]
    assert back == [entry.callback for entry in way.inbox.entries]


async def test_card_numbers_leave_only_with_unmasked() -> None:
    """Whichever callback holds one."""
    way = Way()
    await way.events("0xpay-main", [exchange("one", to="4400000000000008")])
    (masked,) = export(context_of(way), Filter(), unmasked=False)
    (whole,) = export(context_of(way), Filter(), unmasked=True)
    assert json.loads(masked)["masked"] is True
    assert "masked" not in json.loads(whole)


async def test_items_keep_together_what_is_one_operations() -> None:
    """By the operation; what nobody could read stands alone. They begin after a number."""
    found = list(items(context_of(await filled()), Filter(), 1))
    assert [item.number for item in found] == [2, 3, 4]
    assert found[0].order_key == found[1].order_key == f"0xpay\n{ACCOUNT}\nexchange\none"
    assert found[2].order_key == "callback 4"


def test_items_of_a_file_are_chosen_by_time_and_source_alone() -> None:
    """Their number is their place in the file, so that a run can go on; the id in a body keeps the order."""
    said = (("a", 1, b'{"id": 7}'), ("b", 2, b'{"id": 7}'), ("a", 3, b"junk"), ("a", 4, b'{"id": 7}'))
    lines = [to_line(50, VerifiedCallback(source, at, (), body), {}, unmasked=True) for source, at, body in said]
    text = b"\n".join(lines).decode()

    def chosen(wanted: Filter) -> list[tuple[int, str]]:
        return [(item.number, item.order_key) for item in items_of_file(text, None, wanted, 0)]

    assert chosen(Filter(source="a")) == [(1, "a 7"), (3, "a"), (4, "a 7")]
    assert chosen(Filter(since_us=2, until_us=4)) == [(2, "b 7"), (3, "a")]
