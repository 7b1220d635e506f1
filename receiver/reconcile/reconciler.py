"""Reconcile: asks providers' APIs what became of operations, so that a callback that was lost is no loss.

Theory of operation. One loop per source. It reads the provider's lists, where there are any, asks for each open
operation that is due by its id, and keeps an answer in the journal's requests unless it says what the last one said.
The interpreter does the rest: an answer that says what a callback said is a duplicate, another one is an event.

Nothing is inferred from absence. A list's pages can shift while they are read, so a list whose totals changed on the
way is read again, and an operation that is known to be open and missing there is asked for by its id.

A provider that is down or answers nonsense costs a log line and a number: calls are spaced, tried again with back-off
and a fresh signature, and after several failures in a row the source is left alone for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from receiver.journal.watchlist import NEVER_US, Watched, Watchlist
from receiver.model.callback import Resource
from receiver.model.clock import Clock
from receiver.model.errors import ApiFailed
from receiver.model.log import Log
from receiver.model.times import DAY_US
from receiver.providers.calls import Access, Answer, Call, Scan, Stamp
from receiver.providers.contract import Api, Lists, Provider, Source
from receiver.reconcile.metrics import ReconcileMetrics
from receiver.reconcile.pacing import ATTEMPTS_MAX, RETRY_AFTER_MAX_S, Breaker, Limiter, backoff_s

ROUND_S = 1.0
"""Between two looks for what is due."""
DUE_MAX = 100
"""Operations asked for in one round, so that lists and stopping have their turn."""
READINGS_MAX = 3
"""Of a list that shifts."""
PAGES_MAX = 10_000
GIVE_UP_US = 2 * DAY_US
"""An operation that the API refuses or does not know for so long, and more than once, is no longer asked for."""
RETRIED = frozenset({"down", "limited"})
"""Failures that another attempt may mend at once."""
HARMLESS = frozenset({"not_found"})
"""Failures that say nothing against the API."""

Result = TypeVar("Result")
InThread = Callable[..., Awaitable[Any]]
"""(function, arguments) → its result, from the thread that the stores belong to."""


class Http(Protocol):
    """What sends a call."""

    async def send(self, call: Call, timeout_s: float) -> Answer:
        """Send it as it is; raises ``ApiFailed`` ``down`` where no answer comes, or ``nonsense`` for a huge one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source is asked."""

    every_s: float = 60.0
    requests_per_s: float = 5.0
    timeout_s: float = 10.0
    overdue_s: float = 172_800.0


@dataclass
class Round:
    """What one round did."""

    asked: int = 0
    learnt: int = 0
    failed: int = 0


class Reconciler:
    """Asks one source's API."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        provider: Provider,
        source: Source,
        pace: Pace,
        *,
        watch: Watchlist,
        newest_callback: Callable[[], int],
        http: Http,
        in_thread: InThread,
        clock: Clock,
        log: Log,
        metrics: ReconcileMetrics,
        chance: random.Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        assert provider.api is not None  # noqa: S101  who has no API is not asked
        assert source.access is not None  # noqa: S101
        self.api: Api = provider.api
        self.access: Access = source.access
        self.source = source.name
        self._pace = pace
        self._watch = watch
        self._newest_callback = newest_callback
        self._http = http
        self._in_thread = in_thread
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._chance = chance
        self._sleep = sleep
        self._limiter = Limiter(pace.requests_per_s)
        self.breaker = Breaker()
        self._nonce_key = hashlib.sha256(provider.slug.encode() + b":" + source.access.public).hexdigest()
        self._scan_due_s: dict[str, float] = {}
        self._round = Round()
        self._told: set[str] = set()
        """Operations that this round had an answer about, or asked for in vain."""
        self.stopping = False

    async def round(self, *, everything: bool = False) -> Round:
        """Read the lists that are due and ask for the operations that are due, or, with ``everything``, all of them."""
        self._round, self._told = Round(), set()
        for scan in self.api.lists.scans(self.access) if self.api.lists else ():
            if everything or await self._scan_is_due(scan):
                await self._scan(scan)
        horizon_us = NEVER_US if everything else self._clock.now_us()
        while not self._halted():
            found = await self._in_thread(self._watch.due, self.source, horizon_us, DUE_MAX + len(self._told))
            chosen = [one for one in found if one.operation_id not in self._told]
            for one in chosen[:DUE_MAX]:
                if self._halted():
                    break
                self._told.add(one.operation_id)
                await self._ask(one)
            if not (everything and chosen):
                break
        return self._round

    def _halted(self) -> bool:
        return self.stopping or not self.breaker.allows(self._clock.monotonic_s())

    async def _scan_is_due(self, scan: Scan) -> bool:
        if scan.name not in self._scan_due_s:
            last_us = await self._in_thread(self._watch.scanned_us, self.source, scan.name)
            left_s = self._every_s(scan) - max(0.0, (self._clock.now_us() - last_us) / 1e6)
            self._scan_due_s[scan.name] = self._clock.monotonic_s() + max(0.0, left_s)
        return self._clock.monotonic_s() >= self._scan_due_s[scan.name] and not self._halted()

    def _every_s(self, scan: Scan) -> float:
        return self._pace.every_s if scan.every_s is None else scan.every_s

    async def _scan(self, scan: Scan) -> None:
        started_us, every_s = self._clock.now_us(), self._every_s(scan)
        try:
            seen = await self._read_whole(scan, started_us)
        except ApiFailed:
            self._round.failed += 1
            self._scan_due_s[scan.name] = self._clock.monotonic_s() + min(every_s, 60.0)
            return
        if scan.finds_open:
            known = await self._in_thread(self._watch.open_ids, self.source)
            await self._in_thread(self._watch.make_due, self.source, sorted(known - seen), started_us)
        await self._in_thread(self._watch.scanned, self.source, scan.name, started_us)
        self._scan_due_s[scan.name] = self._clock.monotonic_s() + every_s
        self._log.info("reconcile.scanned", source=self.source, scan=scan.name, operations=len(seen))

    async def _read_whole(self, scan: Scan, started_us: int) -> set[str]:
        # A window overlaps the one before it by a day, and reaches back to where that one began.
        last_us = await self._in_thread(self._watch.scanned_us, self.source, scan.name)
        since_us = (last_us or started_us - DAY_US) - DAY_US
        between_ms = since_us // 1000, started_us // 1000
        seen: set[str] = set()
        for _ in range(READINGS_MAX):
            totals = set()
            for number in range(1, PAGES_MAX + 1):
                pages, total = await self._page(scan, between_ms, number, seen)
                totals.add(total)
                if number >= pages or self.stopping:
                    break
            if len(totals) == 1:
                break
            self._log.info("reconcile.shifted", source=self.source, scan=scan.name)
        return seen

    async def _page(self, scan: Scan, between_ms: tuple[int, int], number: int, seen: set[str]) -> tuple[int, int]:
        lists: Lists | None = self.api.lists
        assert lists is not None  # noqa: S101  a scan is of its lists
        after = await self._in_thread(self._newest_callback)
        page = await self._attempts(
            lambda stamp: lists.page(scan, between_ms, number, self.access, stamp),
            lambda answer: lists.read_page(answer, self.access),
            scan=scan.name,
        )
        named = [one.operation_id for one in page.resources if not one.text]
        if named:
            await self._in_thread(self._watch.discover, self.source, named, self._clock.now_us())
        for resource in page.resources:
            seen.add(resource.operation_id)
            if resource.text:
                await self._keep(resource, after, since_us=self._clock.now_us())
        return page.pages, page.total

    async def _ask(self, one: Watched) -> None:
        after = await self._in_thread(self._newest_callback)
        try:
            resource = await self._attempts(
                lambda stamp: self.api.get(one.operation_id, self.access, stamp),
                lambda answer: self.api.read(answer, one.operation_id, self.access),
                operation=one.operation_id,
            )
        except ApiFailed as failed:
            await self._give_back(one, failed)
            return
        await self._keep(resource, after, since_us=one.since_us)

    async def _keep(self, resource: Resource, after: int, *, since_us: int) -> None:
        self._told.add(resource.operation_id)
        now_us = self._clock.now_us()
        interval_s = self.api.interval_s((now_us - since_us) / 1e6)
        due_us = NEVER_US if interval_s is None else now_us + int(interval_s * 1_000_000)
        news = await self._in_thread(self._answered, resource, now_us, due_us, after)
        self._round.learnt += news
        if news:
            self._metrics.learnt(self.source)
            self._log.info("reconcile.learnt", source=self.source, operation=resource.operation_id)

    def _answered(self, resource: Resource, now_us: int, due_us: int, after: int) -> bool:
        return self._watch.answered(self.source, resource, now_us=now_us, due_us=due_us, after=after)

    async def _give_back(self, one: Watched, failed: ApiFailed) -> None:
        self._round.failed += 1
        now_us = self._clock.now_us()
        interval_s = self.api.interval_s((now_us - one.since_us) / 1e6) or self._pace.every_s
        # Since its last answer, not since the first: one that was known for months may be doubted once.
        unheard_us = now_us - max(one.since_us, one.asked_us)
        refused = failed.failure in {"refused", "not_found"}
        final = refused and one.failures > 0 and unheard_us > GIVE_UP_US
        if final:
            self._log.warning("reconcile.gave_up", source=self.source, operation=one.operation_id, why=str(failed))
        due_us = now_us + int(interval_s * 1_000_000)
        await self._in_thread(self._fail, one, str(failed), due_us, final)

    def _fail(self, one: Watched, why: str, due_us: int, final: bool) -> None:  # noqa: FBT001  through the thread
        self._watch.failed(one, why, due_us, give_up=final)

    async def _attempts(self, make: Callable[[Stamp], Call], read: Callable[[Answer], Result], **about: str) -> Result:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            if not self.breaker.allows(self._clock.monotonic_s()):
                raise ApiFailed("down", "left alone after several failures")
            await self._sleep(self._limiter.wait_s(self._clock.monotonic_s()))
            started_s = self._clock.monotonic_s()
            self._round.asked += 1
            try:
                now_ms = self._clock.now_us() // 1000
                stamp = Stamp(now_ms, await self._in_thread(self._watch.next_nonce, self._nonce_key, now_ms))
                found = read(await self._http.send(make(stamp), self._pace.timeout_s))
            except ApiFailed as failed:
                self._note_failure(failed, attempt, started_s, about)
                if attempt == ATTEMPTS_MAX or failed.failure not in RETRIED or self.stopping:
                    raise
                await self._sleep(max(backoff_s(attempt, self._chance.random()), _asked_to_wait_s(failed)))
            else:
                self.breaker.succeeded()
                self._metrics.asked(self.source, "ok", self._clock.monotonic_s() - started_s)
                return found
        raise AssertionError("unreachable")  # the last attempt returns or raises

    def _note_failure(self, failed: ApiFailed, attempt: int, started_s: float, about: dict[str, str]) -> None:
        now_s = self._clock.monotonic_s()
        if failed.failure not in HARMLESS:
            self.breaker.failed(now_s)
        if failed.failure == "limited":
            self._limiter.pause(now_s + max(1.0, _asked_to_wait_s(failed)))
        self._metrics.asked(self.source, failed.failure, now_s - started_s)
        self._log.warning(
            "reconcile.failed", source=self.source, failure=failed.failure, why=failed.why, attempt=attempt, **about
        )


def _asked_to_wait_s(failed: ApiFailed) -> float:
    return min(RETRY_AFTER_MAX_S, failed.retry_after_s or 0.0)
