"""Retention on each engine: only what is old, interpreted, published and not in quarantine goes, and never on doubt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal import retention
from receiver.journal.entries import Stores
from receiver.journal.ports import Inbox, InboxLimits, InboxReader, Outbox
from receiver.journal.retention import InboxRetention, OutboxRetention
from receiver.model.callback import VerifiedCallback
from receiver.model.records import Position
from receiver.model.times import DAY_US
from receiver.sandbox.fakes import FakeClock
from tests.contract.journal.conftest import Made
from tests.support import OXPAY_VECTORS, Lines, Way

BODY = json.loads(OXPAY_VECTORS["bodies"][0]["body"])
DAYS = 30


@dataclass
class Shop:
    """A journal with forty callbacks, one a day, every tenth of them junk; all interpreted."""

    clock: FakeClock
    inbox: Inbox
    stores: Stores
    log: Lines
    numbers: list[int]
    """Of its callbacks."""

    @property
    def reader(self) -> InboxReader:
        """The inbox to read."""
        return self.stores.inbox

    @property
    def outbox(self) -> Outbox:
        """The outbox."""
        return self.stores.outbox

    def inbox_retention(self, days: int = DAYS) -> InboxRetention:
        """The inbox's retention."""
        return InboxRetention(
            entries=self.reader, outbox=self.outbox, inbox=self.inbox, clock=self.clock, days=days, log=self.log
        )

    def left(self) -> list[int]:
        """Which of its callbacks are in the inbox, counted from 1."""
        return places(self.reader, self.numbers)


def places(reader: InboxReader, numbers: list[int]) -> list[int]:
    """Which of these callbacks are in an inbox, counted from 1."""
    return [numbers.index(entry.number) + 1 for entry in reader.read(0, 100)]


@pytest.fixture
async def shop(made: Made) -> AsyncIterator[Shop]:
    """Opened, filled, interpreted; nothing published yet."""
    inbox, reader, clock, log = made.journal.inbox_writer(InboxLimits()), made.another().inbox(), FakeClock(), Lines()
    said = []
    for day in range(40):
        body = b"junk" if day % 10 == 0 else json.dumps(BODY | {"id": f"o{day}"}).encode()
        said.append(VerifiedCallback("0xpay-main", clock.us - (39 - day) * DAY_US, (), body))
    numbers = await asyncio.gather(*map(inbox.append, said))  # which share a commit
    assert numbers == sorted(numbers)
    stores = Stores(reader, made.journal.requests(), made.journal.outbox(write=True))
    interpreter = Interpreter(
        stores=stores,
        rules=replace(Way().rules, log=log),
        metrics=InterpretMetrics(),
    )
    interpreter.step()
    yield Shop(clock, inbox, stores, log, numbers)
    await asyncio.to_thread(inbox.close)
    stores.close()


async def test_nothing_goes_before_it_is_published(shop: Shop) -> None:
    """However old."""
    assert await shop.inbox_retention().round() == 0
    shop.outbox.remember("cluster", Position(5, "x"))
    assert await shop.inbox_retention().round() == 4
    assert shop.left() == [1, *range(6, 41)]


async def test_what_is_old_and_settled_goes_and_quarantine_stays(shop: Shop) -> None:
    """Callbacks of the last thirty days, and all that nobody could read yet."""
    shop.outbox.remember("cluster", Position(40, "x"))
    assert await shop.inbox_retention().round() == 8
    assert shop.left() == [1, *range(10, 41)]
    assert shop.log.named("inbox.purged") == [{"callbacks": 8, "older_than_days": DAYS}]
    assert await shop.inbox.append(VerifiedCallback("0xpay-main", shop.clock.us, (), b"next")) > shop.numbers[-1]


async def test_the_outbox_follows_and_keeps_the_operations(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old events and contents go, quarantine records and the last published record stay, states stay for ever."""
    monkeypatch.setattr(retention, "STEP", 3)
    shop.outbox.remember("cluster", Position(40, "x"))
    outbox = OutboxRetention(stores=shop.stores, clock=shop.clock, days=DAYS, contents_days=35, log=shop.log)
    assert not outbox.step()
    assert len(shop.outbox.read(0, 100)) == 40
    shop.clock.monotonic += retention.ROUND_S + 1
    assert outbox.step()
    left = len(shop.outbox.read(0, 100))
    assert outbox.step(), "there is more to do"
    assert len(shop.outbox.read(0, 100)) == left, "not without a pause"
    for _ in range(10):
        shop.clock.monotonic += retention.PAUSE_S
        more = outbox.step()
    assert not more
    kept = shop.outbox.read(0, 100)
    assert [record.number for record in kept] == [1, *range(10, 41)]
    key = f"0xpay:{BODY['merchantId']}:exchange:o"
    known = shop.outbox.operations([f"{key}1", f"{key}6", f"{key}39"])
    assert {name: (one.state.sequence, len(one.seen)) for name, one in known.items()} == {
        f"{key}1": (1, 0),
        f"{key}6": (1, 1),
        f"{key}39": (1, 1),
    }
    assert await shop.inbox_retention().round() == 8


@pytest.mark.parametrize(("days", "off_days"), [(0, 0), (DAYS, 8), (DAYS, -8), (DAYS, 3650)])
async def test_kept_for_ever_or_a_clock_in_doubt_purges_nothing(shop: Shop, days: int, off_days: int) -> None:
    """A clock that was set to another year must not empty a journal."""
    shop.outbox.remember("cluster", Position(40, "x"))
    shop.clock.us += off_days * DAY_US
    assert await shop.inbox_retention(days).round() == 0
    assert len(shop.left()) == 40


async def test_a_clock_that_is_a_year_ahead_empties_no_journal(shop: Shop) -> None:
    """Callbacks that come meanwhile agree with it; nothing gets older by them than by a silent week."""
    shop.outbox.remember("cluster", Position(40, "x"))
    shop.clock.us += 365 * DAY_US
    shop.numbers.append(await shop.inbox.append(VerifiedCallback("0xpay-main", shop.clock.us, (), b"next")))
    assert await shop.inbox_retention().round() == 14
    assert shop.left() == [1, 11, *range(17, 42)]


@dataclass
class Repeated:
    """A journal in which callbacks came again, an hour apart, and one repeats an answer of an API."""

    clock: FakeClock
    inbox: Inbox
    reader: InboxReader
    outbox: Outbox
    retention: InboxRetention
    log: Lines
    numbers: list[int]
    """Of its callbacks."""

    def left(self) -> list[int]:
        """Which of its callbacks are in the inbox, counted from 1."""
        return places(self.reader, self.numbers)


HOURS_US = DAY_US // 24


@pytest.fixture
async def repeated(made: Made) -> AsyncIterator[Repeated]:
    """Callback 1, and 2 to 60 that are the same; what an API said, and 61 that is the same; 62 says something new."""
    inbox, reader, clock, log = made.journal.inbox_writer(InboxLimits()), made.another().inbox(), FakeClock(), Lines()
    outbox, requests = made.journal.outbox(write=True), made.journal.requests(write=True)
    interpreter = Interpreter(stores=Stores(reader, requests, outbox), rules=Way().rules, metrics=InterpretMetrics())
    answer = json.dumps(BODY | {"id": "polled"})
    requests.add("poll", clock.us, {"source": "0xpay-main", "body": answer, "after": 0})
    interpreter.step()
    bodies = [json.dumps(BODY).encode()] * 60 + [answer.encode(), json.dumps(BODY | {"id": "new"}).encode()]
    times_us = [clock.us + at * HOURS_US for at in range(len(bodies))]
    callbacks = [VerifiedCallback("0xpay-main", at_us, (), b) for at_us, b in zip(times_us, bodies, strict=True)]
    numbers = [await inbox.append(one) for one in callbacks]
    interpreter.step()
    clock.us += 61 * HOURS_US
    rounds = InboxRetention(entries=reader, outbox=outbox, inbox=inbox, clock=clock, days=0, log=log)
    yield Repeated(clock, inbox, reader, outbox, rounds, log, numbers)
    await asyncio.to_thread(inbox.close)
    for store in (reader, requests, outbox):
        store.close()


async def test_a_duplicate_goes_after_a_day(repeated: Repeated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all else is kept for ever and nothing is published; once, and what became of it stays known."""
    monkeypatch.setattr(retention, "STEP", 7)
    assert await repeated.retention.round() == 36
    assert repeated.left() == [1, *range(38, 63)], "the first, those of the last day, and what no other callback holds"
    assert repeated.log.named("inbox.duplicates_purged") == [{"callbacks": 36, "older_than_days": 1}]
    assert await repeated.retention.round() == 0
    assert len(repeated.log.lines) == 1
    outcomes = repeated.outbox.outcomes_between(1, repeated.numbers[-1])
    assert [one.outcome for one in outcomes.values()] == ["event", *["duplicate"] * 60, "event"]
    repeated.clock.us += 5 * DAY_US
    assert await repeated.retention.round() == 23
    assert repeated.left() == [1, 61, 62]


async def test_a_start_anew_finds_no_duplicate_twice(repeated: Repeated) -> None:
    """What is gone is passed over."""
    assert await repeated.retention.round() == 36
    anew = InboxRetention(
        entries=repeated.reader, outbox=repeated.outbox, inbox=repeated.inbox, clock=repeated.clock, days=0,
        log=repeated.log,
    )  # fmt: skip
    assert await anew.round() == 0


async def test_duplicates_stay_while_the_clock_is_in_doubt(repeated: Repeated) -> None:
    """As all else does."""
    repeated.clock.us += 8 * DAY_US
    assert await repeated.retention.round() == 0
    repeated.clock.us -= 16 * DAY_US
    assert await repeated.retention.round() == 0
