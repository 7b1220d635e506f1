"""The index follows the outbox: all of it, what comes later, and without what was purged."""

from __future__ import annotations

from contextlib import closing

import pytest

from receiver.journal.index import Indexed
from receiver.journal.indexer import Indexer
from receiver.model.records import Position
from receiver.operate import indexing
from receiver.operate.indexing import IndexFollower, clear_index, make_index
from tests.operate.desk import context_of, exchange
from tests.support import Way

pytestmark = pytest.mark.usefixtures("unhurried")


async def test_all_there_is_is_indexed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps, and whoever asked hears of each; again it has nothing to do."""
    monkeypatch.setattr("receiver.journal.indexer.STEP", 1)
    way = Way()
    for name in ("one", "two", "three"):
        await way.events("0xpay-main", [exchange(name)])
    steps: list[Indexed] = []
    made = make_index(context_of(way), steps.append)
    assert made == Indexed(3, 3, there=True, exact_only=False)
    assert made.whole
    assert [one.to for one in steps] == [1, 2]
    assert make_index(context_of(way), steps.append) == made
    assert len(steps) == 2
    clear_index(context_of(way))
    with closing(way.journal.index()) as index:
        assert index.indexed().to == 0
    assert make_index(context_of(way), steps.append) == made
    assert len(steps) == 4


async def test_a_body_is_masked_before_it_is_indexed() -> None:
    """By what the providers know of their fields: a callback that nobody could read is found by a card's mask."""
    way = Way()
    await way.events("0xpay-main", [exchange("odd", status="Nobody knows", meta="4111111111111111")])
    make_index(context_of(way), lambda _: None)
    with closing(way.journal.index()) as index:
        for text in ("411111******1111", "4111111111111111"):
            assert [hit.name for hit in index.find(text).quarantine] == ["1"]


async def test_it_is_tidied_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, and again after a while; not at each step."""
    tidied: list[int] = []
    tidy = Indexer.tidy

    def noted(self: Indexer, now_us: int) -> bool:
        tidied.append(now_us)
        return tidy(self, now_us)

    monkeypatch.setattr(Indexer, "tidy", noted)
    way = Way()
    for name in ("one", "two"):
        await way.events("0xpay-main", [exchange(name)])
    with closing(IndexFollower(way.journal, way.clock)) as follower:
        while follower.step():
            pass
        way.outbox.remember("cluster", Position(2, way.outbox.record_id(2) or ""))
        assert way.outbox.purge("9999", None, 9) == 1
        assert not follower.step()
        assert len(tidied) == 1
        way.clock.advance(indexing.TIDY_S)
        assert not follower.step()
        assert len(tidied) == 2
