"""Reconcile against APIs over real HTTP, with real stores: what is asked, kept, tried again and left alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from receiver.journal.watchlist import NEVER_US
from receiver.providers.calls import Access
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Source
from receiver.providers.cryptoexchange import callbacks as cryptoexchange
from receiver.providers.cryptoexchange.settings import OrderPoll
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.reconcile.pacing import FAILURES_MAX
from receiver.reconcile.reconciler import GIVE_UP_US
from tests.fake_provider import (
    ACCOUNT,
    CALYPSO_KEY,
    CALYPSO_SECRET,
    ONCHAIN_KEY,
    ONCHAIN_SECRET,
    ORDER_HEADER,
    ORDER_SECRET,
    FakeProvider,
    exchange,
    swap,
)
from tests.reconcile_desk import Desk

ERROR = b'{"traceId":"t","errorCode":"000","message":"Internal server error"}'


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """The providers' APIs, over HTTP."""
    with FakeProvider().running() as provider:
        yield provider


@pytest.fixture
async def desks() -> AsyncIterator[list[Desk]]:
    """Closed at the end."""
    made: list[Desk] = []
    yield made
    for desk in made:
        await desk.http.close()
        desk.watch.close()
        desk.requests.close()


def calypso_desk(fake: FakeProvider, folder: Path, desks: list[Desk], timeout_s: float = 20.0, **access: Any) -> Desk:
    """For Calypso's exchanges."""
    known: dict[str, Any] = {"public": CALYPSO_KEY.encode(), "secret": CALYPSO_SECRET.encode()}
    source = Source("calypso", "calypso", ACCOUNT, access=Access(fake.url, ACCOUNT, **known | access))
    desk = Desk(folder / "journal", calypso.PROVIDER, source, timeout_s=timeout_s)
    # Ahead of the time by which an exchange is made below: one from a later second would be outside of every window.
    desk.clock.us = int((time.time() + 600) * 1e6)
    fake.now_s = lambda: desk.clock.us / 1e6
    desks.append(desk)
    return desk


def swaps_desk(fake: FakeProvider, folder: Path, desks: list[Desk], **pace: float) -> Desk:
    """For OnchainPay's swaps."""
    access = Access(f"{fake.url}/api-gateway", None, ONCHAIN_KEY.encode(), ONCHAIN_SECRET.encode())
    desk = Desk(folder / "journal", onchainpay.PROVIDER, Source("swaps", "onchainpay", None, access=access), **pace)
    desks.append(desk)
    return desk


async def test_open_exchanges_are_found_and_followed_to_their_end(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """The list finds it; once it is missing there it is asked for by its id; the same answer is kept once."""
    desk = calypso_desk(fake, tmp_path, desks)
    fake.exchanges["7"] = exchange(7)
    first = await desk.reconciler.round()
    assert (first.learnt, first.failed) == (1, 0)
    assert desk.watch.open_ids("calypso") == {"7"}
    desk.clock.advance(61)
    assert (await desk.reconciler.round()).learnt == 0
    fake.exchanges["7"] = exchange(7, "COMPLETED", destinationAmount="2400.50")
    desk.clock.advance(61)
    assert (await desk.reconciler.round()).learnt == 1
    assert desk.learnt()[-1] == ("7", fake.exchanges["7"])
    assert fake.asked[-1] == ("get", {"id": 7})
    assert desk.watch.open_ids("calypso") == set()
    desk.clock.advance(61)
    again = await desk.reconciler.round()
    assert (again.asked, again.learnt) == (1, 0)
    assert fake.refused == []


async def test_an_exchange_that_was_never_seen_open_is_found_by_the_daily_window(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """Begun and ended between two looks; the window reaches back over the one before it."""
    desk = calypso_desk(fake, tmp_path, desks)
    fake.exchanges["8"] = exchange(8, "FAILED")
    assert (await desk.reconciler.round()).learnt == 1
    windows = [body["createdDate"]["period"] for name, body in fake.asked if "createdDate" in body]
    desk.clock.advance(3600)
    await desk.reconciler.round()
    assert len([1 for _, body in fake.asked if "createdDate" in body]) == 1
    desk.clock.advance(86_400)
    await desk.reconciler.round()
    windows = [body["createdDate"]["period"] for name, body in fake.asked if "createdDate" in body]
    assert len(windows) == 2
    assert windows[1]["firstDate"] < windows[0]["secondDate"] < windows[1]["secondDate"]
    assert desk.learnt() == [("8", fake.exchanges["8"])]


async def test_pages_that_shift_while_they_are_read_lose_nothing(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """Exchanges that end on the way pull later ones to a page that was read: the list is read again."""
    desk = calypso_desk(fake, tmp_path, desks, page_size=2)
    for identity in range(1, 8):
        fake.exchanges[str(identity)] = exchange(identity)

    def shift(number: int) -> None:
        if number == 1 and fake.on_page is not None:
            fake.exchanges["1"] = exchange(1, "COMPLETED")
            fake.exchanges["2"] = exchange(2, "COMPLETED")
            fake.on_page = None

    fake.on_page = shift
    await desk.reconciler.round()
    assert desk.log.named("reconcile.shifted")
    assert desk.watch.open_ids("calypso") == {"3", "4", "5", "6", "7"}
    assert {identity for identity, _ in desk.learnt()} == set(fake.exchanges)
    assert dict(desk.learnt())["1"] == fake.exchanges["1"]


async def test_nothing_is_inferred_from_absence(fake: FakeProvider, tmp_path: Path, desks: list[Desk]) -> None:
    """A known open exchange that neither list nor id shows any more stays open, and is asked for again."""
    desk = calypso_desk(fake, tmp_path, desks)
    fake.exchanges["7"] = exchange(7)
    await desk.reconciler.round()
    del fake.exchanges["7"]
    for _ in range(3):
        desk.clock.advance(61)
        await desk.reconciler.round()
    assert len(desk.learnt()) == 1
    assert desk.watch.open_ids("calypso") == {"7"}
    assert desk.count("not_found") == 3
    fake.exchanges["7"] = exchange(7, "COMPLETED")
    desk.clock.advance(61)
    assert (await desk.reconciler.round()).learnt == 1


async def test_an_error_is_tried_again_with_a_fresh_signature(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """Its own error, an answer that never comes, nonsense: each costs a log line, and nothing else is lost."""
    desk = calypso_desk(fake, tmp_path, desks, timeout_s=2.0)
    fake.exchanges["7"] = exchange(7)
    fake.answers = [Response(ERROR, 500), 60.0]
    assert (await desk.reconciler.round()).learnt == 1
    failures = [line["failure"] for line in desk.log.named("reconcile.failed")]
    assert failures == ["down", "down"]
    assert [line["attempt"] for line in desk.log.named("reconcile.failed")] == [1, 2]
    assert all(0.2 < wait < 2 for wait in desk.waits if wait > 0.01)
    fake.answers = [Response(b"<html>busy</html>")]
    desk.clock.advance(61)
    assert (await desk.reconciler.round()).failed == 1
    assert desk.log.named("reconcile.failed")[-1]["failure"] == "nonsense"
    assert "busy" not in str(desk.log.lines)
    desk.clock.advance(61)
    assert (await desk.reconciler.round()).failed == 0
    assert fake.refused == []


async def test_a_limit_is_waited_for(fake: FakeProvider, tmp_path: Path, desks: list[Desk]) -> None:
    """As long as the provider asks."""
    desk = calypso_desk(fake, tmp_path, desks)
    fake.answers = [Response(b"{}", 429, {"retry-after": "17"})]
    assert (await desk.reconciler.round()).failed == 0
    assert max(desk.waits) == 17
    assert desk.count("limited") == 1


async def test_a_source_that_keeps_failing_is_left_alone_and_tried_again(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """The circuit opens after some failures in a row; one call tries later; an answer closes it."""
    desk = calypso_desk(fake, tmp_path, desks)
    fake.answers = [Response(ERROR, 500)] * 50
    for _ in range(4):
        await desk.reconciler.round()
        desk.clock.advance(1)
    assert desk.reconciler.breaker.is_open
    made = 50 - len(fake.answers)
    assert made == FAILURES_MAX
    desk.clock.advance(3600)
    await desk.reconciler.round()
    assert 50 - len(fake.answers) == made + 1
    fake.answers = []
    desk.clock.advance(3600)
    fake.exchanges["7"] = exchange(7)
    assert (await desk.reconciler.round()).learnt == 1
    assert not desk.reconciler.breaker.is_open


async def test_a_wrong_key_is_refused_and_no_reason_to_try_at_once(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """One attempt for each list, not three."""
    desk = calypso_desk(fake, tmp_path, desks, secret=b"another")
    assert (await desk.reconciler.round()).asked == 2
    assert fake.refused == ["003", "003"]
    assert [line["failure"] for line in desk.log.named("reconcile.failed")] == ["refused", "refused"]


async def gaps(desk: Desk, fake: FakeProvider, started_us: int, from_s: float, to_s: float) -> set[float]:
    """Between two calls, s, while an operation is of a certain age."""
    asked_at: list[float] = []
    desk.clock.us = started_us + int(from_s * 1e6)
    await desk.reconciler.round()
    while (age_s := (desk.clock.now_us() - started_us) / 1e6) < to_s:
        before = len(fake.asked)
        await desk.reconciler.round()
        asked_at += [age_s] * (len(fake.asked) - before)
        desk.clock.advance(60)
    return {later - earlier for earlier, later in itertools.pairwise(asked_at)}


async def test_swaps_are_asked_for_on_the_contracts_schedule(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """Each minute in the first hour, then every ten, hourly past 48 h; each time with a higher nonce."""
    desk = swaps_desk(fake, tmp_path, desks)
    fake.swaps["s-1"] = swap("s-1", "PENDING")
    desk.watch.track("swaps", "s-1", desk.clock.now_us())
    started_us = desk.clock.now_us()
    assert await gaps(desk, fake, started_us, 0, 3600) == {60}
    assert await gaps(desk, fake, started_us, 3700, 3 * 3600) == {600}
    assert await gaps(desk, fake, started_us, 46 * 3600, 48 * 3600) == {600}
    assert await gaps(desk, fake, started_us, 49 * 3600, 54 * 3600) == {3600}
    assert len(desk.learnt()) == 1
    assert fake.refused == []
    assert fake.nonces == sorted(set(fake.nonces))
    fake.swaps["s-1"] = swap("s-1", "PROCESSED")
    desk.clock.advance(3600)
    await desk.reconciler.round()
    calls = len(fake.asked)
    desk.clock.advance(7200)
    await desk.reconciler.round()
    assert (len(desk.learnt()), len(fake.asked)) == (2, calls)


async def test_a_nonce_never_goes_back_whatever_the_clock_and_the_process_do(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """The clock is set back an hour, and another process asks with the same key."""
    desk, other = swaps_desk(fake, tmp_path, desks), swaps_desk(fake, tmp_path, desks)
    other.clock.advance(-3600)
    for identity in ("a", "b", "c"):
        fake.swaps[identity] = swap(identity, "PENDING")
        desk.watch.track("swaps", identity, 0)
        await desk.reconciler.round(everything=True)
        await other.reconciler.round(everything=True)
    assert fake.refused == []
    assert len(fake.nonces) >= 6
    assert fake.nonces == sorted(set(fake.nonces))


async def test_what_the_api_does_not_know_is_given_up_after_two_days(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """A mistyped id does not stop the others, and is listed as given up."""
    desk = swaps_desk(fake, tmp_path, desks)
    fake.swaps["s-1"] = swap("s-1", "WITHDRAWING")
    for identity in ("s-0", "s-1"):
        desk.watch.track("swaps", identity, desk.clock.now_us())
    done = await desk.reconciler.round(everything=True)
    assert (done.learnt, done.failed) == (1, 1)
    (odd,) = (one for one in desk.watch.listed(9) if one.operation_id == "s-0")
    assert (odd.failures, odd.state) == (1, "open")
    assert "NOT_FOUND" in odd.why
    desk.clock.us += GIVE_UP_US + 1
    await desk.reconciler.round(everything=True)
    states = {one.operation_id: one.state for one in desk.watch.listed(9)}
    assert states == {"s-0": "given_up", "s-1": "open"}
    assert desk.log.named("reconcile.gave_up")
    assert desk.watch.counts("swaps", desk.clock.now_us()) == (1, 1)


async def test_what_was_known_is_not_given_up_at_the_first_doubt(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """An answer two days ago and one "not found" today, as after a long stop of ours, may be a slip of the provider."""
    desk = swaps_desk(fake, tmp_path, desks)
    fake.swaps["s-1"] = swap("s-1", "WITHDRAWING")
    desk.watch.track("swaps", "s-1", desk.clock.now_us())
    await desk.reconciler.round(everything=True)
    desk.clock.us += GIVE_UP_US + 1
    known = fake.swaps.pop("s-1")
    await desk.reconciler.round(everything=True)
    fake.swaps["s-1"] = known
    await desk.reconciler.round(everything=True)
    (one,) = desk.watch.listed(9)
    assert (one.state, one.failures) == ("open", 0)


async def test_orders_are_found_by_list_and_asked_for_by_id(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """CryptoExchange's invented API: the list only discovers, and a known order is not asked for at each list."""
    fields = {"id": "uuid", "status": "state", "orders": "data.orders"}
    poll = OrderPoll(
        base_url=fake.url,
        secret="env:ORDER_SECRET",
        order_path="/orders/{id}",
        auth_header=ORDER_HEADER,
        fields=fields,
        statuses={"new": "pending", "done": "completed"},
        list_path="/customers/{customer}/orders",
        customers=["c-1"],
    )
    access = Access(fake.url, None, secret=ORDER_SECRET.encode(), settings=poll)
    desk = Desk(tmp_path / "journal", cryptoexchange.PROVIDER, Source("orders", "cryptoexchange", None, access=access))
    desks.append(desk)
    fake.orders = {"o-1": {"uuid": "o-1", "state": "new", "customer": "c-1"}, "o-2": {"uuid": "o-2", "state": "done"}}
    assert (await desk.reconciler.round()).learnt == 1
    assert fake.asked == [("list", "c-1"), ("order", "o-1")]
    desk.clock.advance(60)
    fake.orders["o-1"] = {"uuid": "o-1", "state": "done", "customer": "c-1"}
    assert (await desk.reconciler.round()).learnt == 1
    desk.clock.advance(600)
    await desk.reconciler.round()
    assert [name for name, _ in fake.asked] == ["list", "order", "list", "order", "list"]
    assert fake.refused == []


async def test_calls_are_spaced(fake: FakeProvider, tmp_path: Path, desks: list[Desk]) -> None:
    """At most so many a second."""
    desk = swaps_desk(fake, tmp_path, desks, requests_per_s=4.0)
    for number in range(5):
        fake.swaps[str(number)] = swap(str(number), "PENDING")
        desk.watch.track("swaps", str(number), 0)
    await desk.reconciler.round()
    assert len(fake.asked) == 5
    assert sum(desk.waits) == pytest.approx(1.0)


async def test_a_redirect_is_not_followed_and_a_huge_answer_is_cut_off(
    fake: FakeProvider, tmp_path: Path, desks: list[Desk]
) -> None:
    """A signed body goes nowhere else, and memory stays bounded."""
    desk = swaps_desk(fake, tmp_path, desks)
    desk.watch.track("swaps", "s-1", 0)
    fake.answers = [Response(b"", 307, {"location": f"{fake.url}/orders/o-1"}), Response(b" " * 9_000_000)]
    for _ in range(2):
        await desk.reconciler.round()
        desk.clock.advance(3600)
    assert [line["failure"] for line in desk.log.named("reconcile.failed")] == ["nonsense", "nonsense"]
    assert fake.asked == []


async def test_an_api_that_is_not_there_is_down(fake: FakeProvider, tmp_path: Path, desks: list[Desk]) -> None:
    """Nothing listens at its address."""
    desk = swaps_desk(fake, tmp_path, desks)
    desk.reconciler.access = Access("http://127.0.0.1:9", None, b"p", b"s")
    desk.watch.track("swaps", "s-1", 0)
    assert (await desk.reconciler.round()).failed == 1
    assert {line["why"] for line in desk.log.named("reconcile.failed")} == {"ConnectError"}
    (one,) = desk.watch.due("swaps", NEVER_US, 9)
    assert one.failures == 1
