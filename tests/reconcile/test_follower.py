"""Following the outbox: what is found there is watched, and what is old is forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from receiver.model.callback import Resource
from receiver.model.times import DAY_US
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.reconcile import follower as module
from receiver.reconcile.follower import TIDY_S, OutboxFollower
from tests.support import ONCHAINPAY_VECTORS, Way, polled

SWAP: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"]


def follow(way: Way) -> OutboxFollower:
    """A follower of the way's journal, for its swaps."""
    return OutboxFollower(
        watchlist=way.journal.watchlist(),
        outbox=way.outbox,
        inbox=way.inbox,
        requests=way.requests,
        apis={"swaps": onchainpay.API},
        clock=way.clock,
        retention_days=30,
    )


async def filled(count: int) -> Way:
    """A way with so many open swaps."""
    way = Way()
    await way.events("swaps", [json.dumps(SWAP | {"id": f"s-{n}"}).encode() for n in range(count)])
    return way


async def test_open_operations_are_watched_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of sources that cannot be asked are passed over; what was looked at is not looked at again."""
    monkeypatch.setattr(module, "LISTEN_STEP", 2)
    way = await filled(3)
    await way.events("0xpay-main", [b"junk"])
    follower, watch = follow(way), way.journal.watchlist()
    assert [follower.listen() for _ in range(3)] == [True, True, False]
    assert watch.open_ids("swaps") == {"s-0", "s-1", "s-2"}
    assert watch.outbox_read_to() == 4
    assert watch.open_ids("0xpay-main") == set()


async def test_an_outbox_that_a_person_has_cut_back_is_followed_from_its_new_end() -> None:
    """What comes in the place of the records that are gone is not missed."""
    way = await filled(3)
    follower, watch = follow(way), way.journal.watchlist()
    follower.listen()
    way.outbox.records, way.outbox.last = way.outbox.records[:1], 1
    assert follower.listen() is False
    assert watch.outbox_read_to() == 1


async def test_what_is_over_for_long_is_forgotten_and_what_is_open_is_not() -> None:
    """Now and then, not at each look."""
    way = await filled(2)
    follower, watch = follow(way), way.journal.watchlist()
    follower.listen()
    over = Resource("s-0", b"{}", b"d", terminal=True)
    watch.answered("swaps", over, now_us=way.clock.us, due_us=way.clock.us, after=0)
    way.clock.us += 36 * DAY_US
    follower.tidy()
    assert watch.discover("swaps", ["s-0"], way.clock.us) == 0
    way.clock.advance(TIDY_S)
    watch.answered("swaps", over, now_us=way.clock.us - 36 * DAY_US, due_us=0, after=0)
    follower.tidy()
    assert watch.discover("swaps", ["s-0"], way.clock.us) == 1
    assert "s-1" in watch.open_ids("swaps")


async def test_answers_go_as_callbacks_do_but_for_those_in_quarantine() -> None:
    """Interpreted, and older than the retention by the newest callback."""
    way = await filled(1)
    follower = follow(way)
    polled(way, "swaps", SWAP | {"id": "s-1"})
    polled(way, "swaps", SWAP | {"id": "s-2", "status": "LOST"})
    for week in range(5):
        way.clock.advance(6.2 * 86_400)
        await way.events("swaps", [json.dumps(SWAP | {"id": f"s-3-{week}"}).encode()])
    way.requests.add("poll", 0, {"source": "swaps", "body": "{}", "after": 0})
    follower.tidy()
    assert [request.number for request in way.requests.requests] == [2, 3]
