"""What reconcile learns from the outbox: what to ask about, when, and what not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from receiver.journal.watchlist import WatchUpdate
from receiver.providers.calls import Access
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.reconcile.follow_outbox import RECENT_US, watch_update
from tests.support import ONCHAINPAY_VECTORS, Way, onchainpay_source, oxpay_source

SWAPS: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]
ID = SWAPS["PENDING"]["id"]
MINUTE_US = 60_000_000


async def news(bodies: Iterable[Any], *, later_us: int = 0) -> list[tuple[int | None, bool] | None]:
    """(due after receipt in µs, reopen) of what each record of these callbacks means; None: nothing."""
    access = Access("https://ocp.example.com", None)
    way = Way((onchainpay.PROVIDER, onchainpay_source(access=access)), (zeroxpay.PROVIDER, oxpay_source()))
    await way.events("swaps", [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies])
    now_us = way.clock.us + later_us
    found = [watch_update(record, onchainpay.API, way.inbox.entry, now_us) for record in way.outbox.records]
    for one in found:
        assert one is None or (one.source, one.at_us) == ("swaps", way.clock.us)
    return [_short(one, way.clock.us) for one in found]


def _short(one: WatchUpdate | None, at_us: int) -> tuple[int | None, bool] | None:
    if one is None:
        return None
    assert one.operation_id == ID
    return None if one.due_us is None else one.due_us - at_us, one.reopen


async def test_an_open_swap_is_asked_for_after_a_minute() -> None:
    """Each status on the way says so again."""
    assert await news([SWAPS["PENDING"], SWAPS["WITHDRAWING"]]) == [(MINUTE_US, False), (MINUTE_US, False)]


async def test_a_terminal_status_is_asked_for_at_once() -> None:
    """The API has the last word: a replay could say it too, and amounts are corrected late."""
    assert await news([SWAPS["PROCESSED"]]) == [(0, False)]
    corrected = SWAPS["PROCESSED"] | {"amountTo": "0.2", "updatedAt": "2025-06-09T14:00:00.000Z"}
    assert await news([SWAPS["PROCESSED"], corrected]) == [(0, False), (0, True)]


async def test_a_contradicted_terminal_is_asked_for_again() -> None:
    """Also when the API called it terminal before."""
    assert await news([SWAPS["PROCESSED"], SWAPS["ERROR"]]) == [(0, False), (0, True)]


async def test_what_came_late_says_nothing() -> None:
    """A lower rank after the end."""
    assert await news([SWAPS["PROCESSED"], SWAPS["PENDING"]]) == [(0, False), None]


async def test_what_was_settled_long_ago_is_not_asked_for() -> None:
    """A journal of years is followed from its beginning when reconcile is first switched on."""
    bodies = [SWAPS["PENDING"], SWAPS["PROCESSED"], SWAPS["ERROR"], SWAPS["PENDING"] | {"status": "SWAPPING"}]
    assert await news(bodies, later_us=RECENT_US) == [(MINUTE_US, False), (None, False), None, None]


async def test_a_surprising_callback_is_asked_about() -> None:
    """Its id is a hint and nothing more; one that has none, or is of another kind, is left."""
    pending = SWAPS["PENDING"]
    surprising = [pending | {"status": "SWAPPING"}, {"webhookId": "w", "body": pending}, pending | {"txId": "t"}]
    assert await news([*surprising, b"junk", {"id": 7}]) == [(0, True), (0, True), None, None, None]


async def test_what_reconcile_learnt_itself_is_no_news() -> None:
    """Nor are other kinds, or ids that could not be asked for."""
    access = Access("https://ocp.example.com", None)
    way = Way((onchainpay.PROVIDER, onchainpay_source(access=access)))
    way.requests.add("poll", way.clock.us, {"source": "swaps", "body": json.dumps(SWAPS["PENDING"]), "after": 0})
    await way.events("swaps", [json.dumps(SWAPS["PENDING"] | {"id": "with space"}).encode()])
    assert [record.operation_id for record in way.outbox.records] == ["with space", ID]
    assert [watch_update(one, onchainpay.API, way.inbox.entry, way.clock.us) for one in way.outbox.records] == [
        None,
        None,
    ]
    other = Way()
    await other.deliver("0xpay-main", b'{"id":"a","kind":"Exchange","status":"Done"}')
    other.interpret()
    assert watch_update(other.outbox.records[0], onchainpay.API, other.inbox.entry, 0) is None
