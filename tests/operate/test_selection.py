"""Choosing callbacks: by time, source, and what their events say; each in the order of receipt."""

from __future__ import annotations

import json
from collections.abc import Sequence

import orjson
import pytest

from receiver.model.callback import JournalEntry
from receiver.operate import selection
from receiver.operate.selection import Chosen, Filter, choose, steps_of_events
from tests.operate.desk import SWAPS, exchange
from tests.support import NOW_S, Way

S = 1_000_000


async def filled() -> Way:
    """Two exchanges, what repeats the first, what nobody can read, a swap; ten seconds lie between any two."""
    way = Way()
    for source, body in (
        ("0xpay-main", exchange("one", status="Pending")),
        ("0xpay-main", exchange("two")),
        ("0xpay-main", exchange("one", status="Pending")),
        ("0xpay-main", b"junk"),
        ("swaps", json.dumps(SWAPS["PROCESSED"]).encode()),
    ):
        await way.events(source, [body])
        way.clock.advance(10)
    return way


def chosen(way: Way, wanted: Filter, after: int = 0) -> list[Chosen]:
    """Those of the way's journal."""
    return list(choose(way.inbox, way.outbox, way.journal.search(), wanted, after))


async def test_all_of_them_with_what_they_became() -> None:
    """A duplicate has the event that it repeats, and what nobody could read has none."""
    found = chosen(await filled(), Filter())
    assert [(one.entry.number, one.outcome) for one in found] == [
        (1, "event"), (2, "event"), (3, "duplicate"), (4, "quarantine"), (5, "event"),
    ]  # fmt: skip
    assert [one.event["operation_id"] if one.event else None for one in found[:4]] == ["one", "two", "one", None]
    assert found[3].record is not None
    assert found[3].record.record_type == "quarantine"


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(since_us=(NOW_S + 10) * S, until_us=(NOW_S + 30) * S), [2, 3]),
        (Filter(source="swaps"), [5]),
        (Filter(provider="0xpay"), [1, 2, 3]),
        (Filter(family="exchange"), [1, 2, 3, 5]),
        (Filter(kind="auto_swap"), [5]),
        (Filter(operation="one"), [1, 3]),
        (Filter(status="completed"), [2, 5]),
        (Filter(sequence=2), []),
        (Filter(sequence=0), []),
        (Filter(operation=""), []),
        (Filter(anomaly="late"), []),
        (Filter(effective=True), [1, 2, 3, 5]),
        (Filter(effective=False), []),
        (Filter(observed_via="poll"), []),
        (Filter(observed_via="webhook", source="swaps"), [5]),
        (Filter(amount="3"), []),
        (Filter(sequence=1, provider="0xpay", limit=2), [1, 2]),
        (Filter(limit=1), [1]),
        (Filter(source="0xpay-main", status="completed"), [2]),
    ],
)
async def test_each_wish_narrows_it(wanted: Filter, numbers: list[int]) -> None:
    """``until`` is exclusive; a wish about events leaves out what became none; the limit counts what is given."""
    assert [one.entry.number for one in chosen(await filled(), wanted)] == numbers


async def test_what_an_event_says_of_itself_narrows_it_too() -> None:
    """Its anomalies, whether it counts, and what moved, whatever the zeros behind the point; a repeat as its event."""
    way = Way()
    bodies = [exchange("one"), exchange("one", status="Pending"), exchange("one", status="Pending"), b"junk"]
    await way.events("0xpay-main", bodies)
    (event, late) = (orjson.loads(record.value) for record in way.outbox.read(0, 2))
    assert (event["effective"], late["anomalies"], late["effective"]) == (True, ["late"], False)
    spent = event["spent"]["amount"]
    for wanted, numbers in (
        (Filter(anomaly="late"), [2, 3]),
        (Filter(anomaly="conflict"), []),
        (Filter(effective=True), [1]),
        (Filter(effective=False), [2, 3]),
        (Filter(amount=spent, effective=True), [1]),
        (Filter(amount=f"{spent}{'' if '.' in spent else '.'}00"), [1, 2, 3]),
        (Filter(amount=f"{spent}1"), []),
    ):
        assert [one.entry.number for one in chosen(way, wanted)] == numbers, wanted
        steps = list(steps_of_events(way.journal.search(), wanted.of_records, 0, 1))
        assert [number for number, _ in steps] == [1, 2], "every event is passed, one at a time"
        assert [one.callback for _, found in steps for one in found] == [at for at in numbers if at < 3], wanted


async def test_it_goes_on_after_a_number_over_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once."""
    monkeypatch.setattr(selection, "STEP", 2)
    way = await filled()
    assert [one.entry.number for one in chosen(way, Filter())] == [1, 2, 3, 4, 5]
    assert [one.entry.number for one in chosen(way, Filter(), after=2)] == [3, 4, 5]


async def test_only_what_may_be_chosen_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an operation its own callbacks alone, by a time what lies in it, wherever that is."""
    monkeypatch.setattr(selection, "STEP", 1)
    way = await filled()
    read: list[int] = []
    real_read, real_entry = way.inbox.read, way.inbox.entry

    def reading(after: int, limit: int) -> Sequence[JournalEntry]:
        found = real_read(after, limit)
        read.extend(entry.number for entry in found)
        return found

    def looking(number: int) -> JournalEntry | None:
        read.append(number)
        return real_entry(number)

    monkeypatch.setattr(way.inbox, "read", reading)
    monkeypatch.setattr(way.inbox, "entry", looking)
    assert [one.entry.number for one in chosen(way, Filter(operation="one"))] == [1, 3]
    assert read == [1, 3]
    read.clear()
    assert [one.entry.number for one in chosen(way, Filter(since_us=(NOW_S + 30) * S))] == [4, 5]
    assert read == [4, 5]


async def test_an_operation_goes_on_after_a_number() -> None:
    """As a run does that was interrupted; of an id that nobody has there is nothing."""
    way = await filled()
    assert [one.entry.number for one in chosen(way, Filter(operation="one"), after=1)] == [3]
    assert chosen(way, Filter(operation="nobody")) == []
    assert [one.entry.number for one in chosen(way, Filter(operation="one", until_us=(NOW_S + 1) * S))] == [1]


async def test_an_id_of_more_operations_than_are_named_is_looked_for_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None is left out."""
    monkeypatch.setattr(selection, "OPERATIONS_MAX", 1)
    assert [one.entry.number for one in chosen(await filled(), Filter(operation="one"))] == [1, 3]


async def test_what_is_not_interpreted_yet_is_not_chosen() -> None:
    """Nobody knows what it will become."""
    way = await filled()
    await way.deliver("0xpay-main", exchange("three"))
    assert [one.entry.number for one in chosen(way, Filter())] == [1, 2, 3, 4, 5]
