"""A provider, offline: sample operations, properly signed, sent to a receiver through real HTTP.

As 0xpay does, the next status of an operation is held until the one before it got its 200. Only loopback is spoken to,
unless the caller says that the host is theirs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from receiver.errors import ReceiverError
from receiver.provider import Provider, Source
from receiver.scenarios import SCENARIOS, Scenario, bodies

ATTEMPTS_MAX = 5
RETRY_S = 0.5
TIMEOUT_S = 10.0
CONCURRENT_MAX = 64
JSON = (b"content-type", b"application/json")


@dataclass
class Report:
    """What was sent, and how it was answered."""

    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    operations: int = 0
    given_up: int = 0

    def latency_ms(self, share: float) -> float:
        """The latency that ``share`` of the answers did not exceed, milliseconds; 0 where there was none."""
        ordered = sorted(self.latencies_s)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2) if ordered else 0.0


def require_own_host(url: str, *, mine: bool) -> None:
    """Raise ``ReceiverError`` for a host that is not loopback, unless it is said to be the caller's own."""
    host = urlsplit(url).hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not (loopback or mine):
        raise ReceiverError(f"{host} is not this machine; --i-own-this-host says that it is yours to send to")


def choose(provider: str, names: Sequence[str]) -> list[Scenario]:
    """The scenarios of a provider, all or those named; raises ``ReceiverError`` for a name that is not there."""
    there = [scenario for scenario in SCENARIOS if scenario.provider == provider]
    unknown = sorted(set(names) - {scenario.name for scenario in there})
    if unknown:
        known = ", ".join(scenario.name for scenario in there)
        raise ReceiverError(f"{provider} has no scenario {', '.join(unknown)}; there are {known}")
    return [scenario for scenario in there if not names or scenario.name in names]


class Simulation:
    """Sends operations to one source's URL."""

    def __init__(
        self, provider: Provider, source: Source, url: str, scenarios: Sequence[Scenario], chance: random.Random
    ) -> None:
        self._provider = provider
        self._source = source
        self._url = url
        self._scenarios = scenarios
        self._chance = chance
        self._stopping = False
        self.report = Report()

    def stop(self) -> None:
        """Begin no further operation."""
        self._stopping = True

    async def run(
        self, *, rate: float, count: int | None, progress: Callable[[Report], None] = lambda _: None
    ) -> Report:
        """Begin operations until ``count`` callbacks are made (None: until ``stop``), ``rate`` callbacks a second."""
        limits = httpx.Limits(max_connections=CONCURRENT_MAX)
        sending: set[asyncio.Task[None]] = set()
        async with httpx.AsyncClient(limits=limits, timeout=TIMEOUT_S) as client:
            planned, started_s = 0, time.monotonic()
            while not self._stopping and (count is None or planned < count):
                scenario = self._chance.choice(self._scenarios)
                made = list(bodies(scenario, self._source, self._chance, int(time.time())))
                made = made if count is None else made[: count - planned]
                planned += len(made)
                task = asyncio.create_task(self._operation(client, made))
                sending.add(task)
                task.add_done_callback(sending.discard)
                await asyncio.sleep(max(0.0, started_s + planned / rate - time.monotonic()))
                progress(self.report)
            await asyncio.gather(*sending)
        return self.report

    async def _operation(self, client: httpx.AsyncClient, made: Sequence[bytes]) -> None:
        self.report.operations += 1
        for body in made:
            if not await self._deliver(client, body):
                self.report.given_up += 1
                return

    async def _deliver(self, client: httpx.AsyncClient, body: bytes) -> bool:
        for attempt in range(ATTEMPTS_MAX):
            headers = self._provider.sign(body, self._source, int(time.time()))
            started_s = time.perf_counter()
            self.report.sent += 1
            try:
                answer = await client.post(self._url, content=body, headers=[*headers, JSON])
            except httpx.HTTPError as error:
                self.report.answers[type(error).__name__] += 1
            else:
                self.report.answers[str(answer.status_code)] += 1
                self.report.latencies_s.append(time.perf_counter() - started_s)
                if answer.status_code == 200:
                    return True
            if attempt + 1 < ATTEMPTS_MAX:
                await asyncio.sleep(RETRY_S)
        return False
