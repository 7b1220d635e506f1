"""An open load with a provider's manners: a fixed arrival rate, retries until a 200, some callbacks sent twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.chaos.caller import Caller
from tests.chaos.traffic import Callback, Operation, operations

ATTEMPT_TIMEOUT_S = 5.0
RETRY_S = (0.05, 0.5)
"""Between the first two attempts; the providers' own minutes, scaled down."""
RETRY_GROWTH, RETRY_TIMES_MAX = 1.5, 8.0
"""By how much each further pause is longer than the one before, and how many times the first one it is at most. Seen
without that: callbacks refused for a wrong clock were so many after half a minute that they left nobody else a CPU."""
UNDER_WAY_MAX = 400
"""Operations: with so many nobody begins another one. Seen on a busy machine without that: once the sender could not
keep up, thousands of attempts took turns to time out, and services that were ready heard nothing for minutes."""
REPEAT_SHARE = 0.05
"""Of the callbacks that got their 200 are sent again all the same, as after a lost answer."""
OFFERING_ONE_IN = 4
OFFER = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
"""What Java's client sends with every request and some proxies add; chosen by the body: no seed changes by it."""
DETACHED_SHARE = 0.1
"""Of an auto-swap's callbacks do not wait for the one before: nobody promises their order."""


@dataclass
class Ledger:
    """What was sent, and what was answered 200: only that is owed."""

    owed: dict[tuple[str, str, str], Callback] = field(default_factory=dict)
    sent: dict[tuple[str, str, str], Callback] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    order: dict[str, list[str]] = field(default_factory=dict)
    """Operation key → status words in the order of their first 200."""
    last_ok_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    """Times without any 200 that were longer than a second."""


class Load:
    """Sends until ``stop``; then lets every operation under way end."""

    def __init__(self, url: str, rate: float, seed: int, *others: str) -> None:
        """``others`` are more places that take callbacks: attempts go to all of them in turn."""
        self._urls = itertools.cycle([url, *others])
        self._rate = rate
        self._chance = random.Random(seed)
        self._stopping = False
        self._sending = asyncio.Event()
        self._sending.set()
        self._under_way = 0
        self.attempts: Counter[str] = Counter()
        """Place → attempts that wait for its answer."""
        self.ledger = Ledger()

    def stop(self) -> None:
        """Begin no further operation."""
        self._stopping = True

    def go_to(self, *urls: str) -> None:
        """Send to these places from now on, as behind a load balancer whose servers change."""
        self._urls = itertools.cycle(urls)

    def pause(self) -> None:
        """Begin no operation, and end those under way."""
        self._sending.clear()

    def go_on(self) -> None:
        """Begin operations again."""
        self._sending.set()

    async def quiet(self) -> None:
        """Wait until no operation is under way."""
        while self._under_way:
            await asyncio.sleep(0.05)

    async def run(self) -> Ledger:
        """Begin operations at the rate, unless very many are under way; returns when all were answered 200."""
        # No bound on connections: seen, a client whose pool was full of those that a dead process left half made, and
        # that waited for a place in it ever after.
        async with Caller(ATTEMPT_TIMEOUT_S) as caller, asyncio.TaskGroup() as group:
            started = time.monotonic()
            for begun, operation in enumerate(operations(self._chance), start=1):
                await self._sending.wait()
                while self._under_way >= UNDER_WAY_MAX and not self._stopping:
                    await asyncio.sleep(0.05)
                if self._stopping:
                    break
                group.create_task(self._operation(caller, operation))
                await asyncio.sleep(max(0.0, started + begun / self._rate - time.monotonic()))
        return self.ledger

    async def _operation(self, caller: Caller, operation: Operation) -> None:
        self._under_way += 1
        try:
            async with asyncio.TaskGroup() as group:
                for callback in operation.callbacks:
                    if callback.source == "swaps" and self._chance.random() < DETACHED_SHARE:
                        group.create_task(self._deliver(caller, callback))
                    else:
                        await self._deliver(caller, callback)
        finally:
            self._under_way -= 1

    async def _deliver(self, caller: Caller, callback: Callback) -> None:
        self.ledger.sent[callback.obligation] = callback
        answered = await self._attempt(caller, callback)
        times = 1.0
        while not answered:
            await asyncio.sleep(self._chance.uniform(*RETRY_S) * times)
            times = min(times * RETRY_GROWTH, RETRY_TIMES_MAX)
            answered = await self._attempt(caller, callback)
        if self._chance.random() < REPEAT_SHARE:
            await self._attempt(caller, callback)

    async def _attempt(self, caller: Caller, callback: Callback) -> bool:
        headers = callback.headers(int(time.time()))
        if zlib.crc32(callback.body) % OFFERING_ONE_IN == 0:
            headers |= OFFER
        place = next(self._urls)
        self.attempts[place] += 1
        try:
            status = await caller.post(f"{place}/{callback.source}", callback.body, headers)
        except httpx.HTTPError as error:
            self.ledger.answers[type(error).__name__] += 1
            return False
        finally:
            self.attempts[place] -= 1
        self.ledger.answers[str(status)] += 1
        if status != 200:
            return False
        self._note_ok(callback)
        return True

    def _note_ok(self, callback: Callback) -> None:
        now_s = time.monotonic()
        ledger = self.ledger
        if ledger.last_ok_s and now_s - ledger.last_ok_s > 1:
            ledger.gaps_s.append(now_s - ledger.last_ok_s)
        ledger.last_ok_s = now_s
        if callback.obligation not in ledger.owed:
            ledger.owed[callback.obligation] = callback
            ledger.order.setdefault(callback.key, []).append(callback.provider_status)
