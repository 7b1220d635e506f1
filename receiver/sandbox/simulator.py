"""A provider, offline: sample operations, properly signed, sent to a receiver through real HTTP.

What goes wrong between a provider and us can be asked for: callbacks sent twice, out of order, late, not at all,
forged, or with a status nobody knows. What the receiver must hold at the end is written down on the way, so that it can
be checked. Only loopback is spoken to, unless the caller says that the host is theirs.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from receiver.model.callback import SIMULATED
from receiver.model.errors import ReceiverError, WrongUse
from receiver.model.exact_json import read_json
from receiver.model.hosts import is_loopback, parts_of
from receiver.model.percentile import percentile
from receiver.providers.contract import UNKNOWN_STATUS, Provider, Scenario, Source
from receiver.providers.samples import bodies
from receiver.service.listen import address

TIMEOUT_S = 10.0
PROBE_S = 2.0
"""For a connection, before anything is sent."""
CONCURRENT_MAX = 64
WAIT_MIN_S = 0.05
"""Between two attempts, however small the time scale: a receiver that is starting needs a moment."""
JSON = (b"content-type", b"application/json")
MARK = (SIMULATED, b"1")
"""What every callback says of itself: the receiver passes it on to Kafka, and people are shown it."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of callbacks, 0 to 1, that something happens to."""

    duplicate: float = 0.0
    """Sent once more after its 200."""
    reorder: float = 0.0
    """Sent after the one that should follow it."""
    tamper: float = 0.0
    """A forged copy is sent before it, and must be refused."""
    late: float = 0.0
    """Sent once more when its operation is over."""
    drop: float = 0.0
    """Never sent."""
    unknown: float = 0.0
    """A copy with a status nobody knows is sent too, and must be quarantined."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback to send, and what must come of it: ``event``, ``quarantine``, or ``refused``."""

    operation_id: str
    status: str
    body: bytes
    becomes: str
    signed_body: bytes
    """What the signature is made over; another body is a forgery."""


@dataclass
class Report:
    """What was sent, how it was answered, and what the receiver must hold now."""

    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    operations: int = 0
    given_up: int = 0
    not_refused: int = 0
    """Forgeries that were not answered 401."""
    scenarios: Counter[str] = field(default_factory=Counter)
    events: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Operation id → the provider's status words that were answered 200."""
    quarantined: int = 0
    """Callbacks that were answered 200 and that nobody can read."""

    def latency_ms(self, share: float) -> float:
        """The latency that ``share`` of the answers did not exceed, milliseconds; 0 where there was none."""
        return round(percentile(self.latencies_s, share) * 1000, 2)


def require_own_host(url: str, *, mine: bool) -> None:
    """Raise ``ReceiverError`` for what is no URL, and for a host that is not loopback unless it is the caller's own."""
    parts = parts_of(url)
    host = (parts.hostname if parts is not None else None) or ""
    if parts is None or not host or parts.port == 0 or parts.scheme not in {"http", "https"}:
        raise ReceiverError(f"{url} is no URL to send to, as http://127.0.0.1:8080")
    if not (is_loopback(host) or mine):
        raise ReceiverError(f"{host} is not this machine; --i-own-this-host says that it is yours to send to")


def need_listener(url: str) -> None:
    """Raise ``ReceiverError`` where nobody listens at a URL's address, within ``PROBE_S``; nothing is sent."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except OSError as error:
        why = "" if isinstance(error, ConnectionRefusedError) else f" ({error.strerror or error})"
        raise ReceiverError(
            f"nobody listens on {address(host, port)}{why}; start `receiver dev`, or `receiver serve`"
        ) from None


def choose(provider: Provider, names: Sequence[str]) -> list[Scenario]:
    """The scenarios of a provider, all or those named; raises ``WrongUse`` for a name that is not there.

    Raises ``ReceiverError`` where the provider has none.
    """
    there = provider.samples.scenarios if provider.samples is not None else ()
    if not there:
        raise ReceiverError(f"there are no scenarios for {provider.slug} yet")
    unknown = sorted(set(names) - {scenario.name for scenario in there})
    if unknown:
        known = ", ".join(scenario.name for scenario in there)
        raise WrongUse(f"{provider.slug} has no scenario {', '.join(unknown)}; there are {known}")
    return [scenario for scenario in there if not names or scenario.name in names]


Tell = Callable[[bytes], tuple[str, str]]
"""A body → (operation id, the provider's status word), as its provider's module reads it."""


def teller(provider: Provider, source: Source) -> Tell:
    """Read bodies of one source."""

    def tell(body: bytes) -> tuple[str, str]:
        facts = provider.normalise(provider.parse(read_json(body), source), source)
        return facts.operation_id, facts.provider_status

    return tell


def deliveries(
    made: Sequence[bytes], chance: random.Random, faults: Faults, tell: Tell, spoil: Callable[[bytes], bytes]
) -> list[Delivery]:
    """What is sent of one operation's bodies, in order, with what goes wrong; ``spoil`` is ``unknown_status``."""
    genuine = [Delivery(*tell(body), body, "event", body) for body in made if chance.random() >= faults.drop]
    for at in range(len(genuine) - 1):
        if chance.random() < faults.reorder:
            genuine[at], genuine[at + 1] = genuine[at + 1], genuine[at]
    sent: list[Delivery] = []
    for one in genuine:
        if chance.random() < faults.tamper:
            forged = one.body.replace(one.operation_id.encode(), b"forged-" + one.operation_id.encode(), 1)
            sent.append(Delivery(one.operation_id, one.status, forged, "refused", one.body))
        if chance.random() < faults.unknown:
            body = spoil(one.body)
            sent.append(Delivery(one.operation_id, UNKNOWN_STATUS, body, "quarantine", body))
        sent += [one] * (2 if chance.random() < faults.duplicate else 1)
    return sent + [one for one in genuine if chance.random() < faults.late]


class Simulation:
    """Sends operations to one source's URL."""

    def __init__(  # noqa: PLR0913  what a provider is, for the time of a run
        self,
        provider: Provider,
        source: Source,
        url: str,
        scenarios: Sequence[Scenario],
        chance: random.Random,
        *,
        faults: Faults | None = None,
        time_scale: float = 0.001,
        marked: bool = True,
    ) -> None:
        """``time_scale``: by which the provider's waits between attempts are multiplied.

        ``marked``: whether the callbacks say that they are simulated; what does not is taken for the provider's own.
        """
        self._provider = provider
        self._source = source
        self._tell = teller(provider, source)
        self._url = url
        self._scenarios = scenarios
        self._chance = chance
        self._faults = faults or Faults()
        self._waits_s = [max(WAIT_MIN_S, wait_s * time_scale) for wait_s in provider.retries_s]
        self._more = (JSON, MARK) if marked else (JSON,)
        self._stopping = False
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)
        self.report = Report()

    def stop(self) -> None:
        """Begin no further operation, and give up what is waiting for its next attempt."""
        self._stopping = True

    async def run(self, *, rate: float, count: int | None, advance: Callable[[int], None] = lambda _: None) -> Report:
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
                self.report.scenarios[scenario.name] += 1
                sent = deliveries(made, self._chance, self._faults, self._tell, self._provider.unknown_status)
                task = asyncio.create_task(self._operation(client, sent))
                sending.add(task)
                task.add_done_callback(sending.discard)
                advance(len(made))
                await asyncio.sleep(max(0.0, started_s + planned / rate - time.monotonic()))
            await asyncio.gather(*sending)
        return self.report

    async def _operation(self, client: httpx.AsyncClient, sent: Sequence[Delivery]) -> None:
        self.report.operations += 1
        behind: list[asyncio.Task[bool]] = []
        for one in sent:
            if one.becomes == "refused":
                self.report.not_refused += await self._attempt(client, one) != 401
            elif self._provider.holds_order:
                if not await self._deliver(client, one):
                    return
            elif not await self._first_attempt(client, one):
                behind.append(asyncio.create_task(self._deliver(client, one)))
        await asyncio.gather(*behind)

    async def _first_attempt(self, client: httpx.AsyncClient, one: Delivery) -> bool:
        if await self._attempt(client, one) != 200:
            return False
        self._note(one)
        return True

    async def _deliver(self, client: httpx.AsyncClient, one: Delivery) -> bool:
        for wait_s in (*self._waits_s, None):
            if await self._first_attempt(client, one):
                return True
            if wait_s is None or self._stopping:
                break
            await asyncio.sleep(wait_s)
        self.report.given_up += 1
        return False

    def _note(self, one: Delivery) -> None:
        if one.becomes == "event":
            self.report.events[one.operation_id].add(one.status)
        else:
            self.report.quarantined += 1

    async def _attempt(self, client: httpx.AsyncClient, one: Delivery) -> int:
        # The client's own queue for a connection is searched whole at each request: ours is not.
        async with self._slots:
            headers = self._provider.sign(one.signed_body, self._source, int(time.time()))
            started_s = time.perf_counter()
            self.report.sent += 1
            try:
                answer = await client.post(self._url, content=one.body, headers=[*headers, *self._more])
            except httpx.HTTPError as error:
                self.report.answers[type(error).__name__] += 1
                return 0
        self.report.answers[str(answer.status_code)] += 1
        self.report.latencies_s.append(time.perf_counter() - started_s)
        return answer.status_code


def missing(report: Report, held: dict[str, Counter[str]]) -> list[str]:
    """What the receiver should hold and does not, or holds twice; ``held``: operation id → word → how many events."""
    wrong = []
    for operation_id, words in report.events.items():
        found = held.get(operation_id, Counter())
        wrong += [f"{operation_id} {word}: lost" for word in sorted(words) if not found[word]]
        wrong += [f"{operation_id} {word}: {found[word]} times" for word in sorted(words) if found[word] > 1]
        wrong += [f"{operation_id} {word}: never sent" for word in sorted(set(found) - words)]
    return wrong
