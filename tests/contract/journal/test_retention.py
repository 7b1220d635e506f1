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
    reader: InboxReader
    outbox: Outbox
    log: Lines

    def inbox_retention(self, days: int = DAYS) -> InboxRetention:
        """The inbox's retention."""
        return InboxRetention(
            entries=self.reader, outbox=self.outbox, inbox=self.inbox, clock=self.clock, days=days, log=self.log
        )

    def left(self) -> list[int]:
        """Numbers in the inbox."""
        return [entry.number for entry in self.reader.read(0, 100)]


@pytest.fixture
async def shop(made: Made) -> AsyncIterator[Shop]:
    """Opened, filled, interpreted; nothing published yet."""
    inbox, reader, clock, log = made.journal.inbox_writer(InboxLimits()), made.another().inbox(), FakeClock(), Lines()
    for day in range(40):
        body = b"junk" if day % 10 == 0 else json.dumps(BODY | {"id": f"o{day}"}).encode()
        await inbox.append(VerifiedCallback("0xpay-main", clock.us - (39 - day) * DAY_US, (), body))
    outbox, requests = made.journal.outbox(write=True), made.journal.requests()
    interpreter = Interpreter(
        stores=Stores(reader, requests, outbox),
        rules=replace(Way().rules, log=log),
        metrics=InterpretMetrics(),
    )
    interpreter.step()
    yield Shop(clock, inbox, reader, outbox, log)
    await asyncio.to_thread(inbox.close)
    for store in (reader, requests, outbox):
        store.close()


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
    assert await shop.inbox.append(VerifiedCallback("0xpay-main", shop.clock.us, (), b"next")) == 41


async def test_the_outbox_follows_and_keeps_the_operations(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old events and contents go, quarantine records and the last published record stay, states stay for ever."""
    monkeypatch.setattr(retention, "STEP", 3)
    shop.outbox.remember("cluster", Position(40, "x"))
    outbox = OutboxRetention(
        entries=shop.reader, outbox=shop.outbox, clock=shop.clock, days=DAYS, contents_days=35, log=shop.log
    )
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
