"""Everything that can be broken, and what was done to it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from kafka_local import LocalKafka

from tests.chaos import poison
from tests.chaos.administrator import Administrator
from tests.chaos.cluster import CLIENT, PASSWORD, Cluster
from tests.chaos.knobs import Knobs, make_knobs
from tests.chaos.load import Ledger, Load
from tests.chaos.log_reader import LogReader
from tests.chaos.proxy import Proxy
from tests.chaos.service import Service
from tests.chaos.traffic import Callback

PREFIX = "chaos."
EVENTS_TOPIC = f"{PREFIX}exchange.status.v1"
QUARANTINE_TOPIC = f"{PREFIX}webhook.quarantine.v1"
POSITIONS_TOPIC = f"{PREFIX}receiver.positions"
MESSAGE_BYTES_MAX = 60_000
"""Of the events topic: the broker's own limit, lower than the service's."""
TIMESTAMP_OFF_S_MAX = 3600
"""By how much a record's timestamp on the events topic may be behind or ahead of the brokers' clock."""
DRAIN_TIMEOUT_S = 240
TRUE_S = 30
"""Within so long ``/readyz`` says what is the matter with Kafka, and that it is over."""
STARTED_S = 60
"""The same for processes that have to start first, beside a load that takes all of the machine."""


@dataclass
class World:
    """A service that logs in, brokers behind proxies, a load, a reader of the log, and the counts."""

    folder: Path
    chance: random.Random
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[tuple[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What a fault itself found wrong."""
    odd: dict[str, str] = field(default_factory=dict)
    """SHA-256 of a body that must be quarantined → with which reason."""
    knobs: Knobs | None = None
    """Of disk and clock; None where there is no compiler."""
    on_purpose: bool = False
    """The service is stopped because a fault wants it so."""
    in_journal_from: int = 0
    """How many obligations were owed when the journal was last replaced: older bodies may not be in it."""

    @property
    def service(self) -> Service:
        """The installation under test."""
        return self._service

    @property
    def load(self) -> Load:
        """The traffic."""
        return self._load

    @property
    def ledger(self) -> Ledger:
        """What is owed."""
        return self._load.ledger

    @property
    def brokers(self) -> list[LocalKafka]:
        """To be killed and started again."""
        return self.cluster.brokers

    @property
    def proxies(self) -> list[Proxy]:
        """The network between the service and each of them."""
        return self.cluster.proxies

    @property
    def bootstrap(self) -> str:
        """The brokers themselves, past the proxies: for the oracle."""
        return self.cluster.open

    @property
    def administrator(self) -> Administrator:
        """Who may do everything to the cluster."""
        return self.cluster.administrator

    async def build(self, brokers: int, rate: float) -> None:
        """Start the cluster, the proxies and the service."""
        self.cluster = Cluster(self.folder, brokers)
        await self.cluster.start()
        self._service = Service(self.folder / "service", self.cluster.guarded, PREFIX, brokers, CLIENT)
        self._service.log_reader = LogReader(self.folder / "log.pipe", self._service.log)
        self._prepare_environment()
        await asyncio.to_thread(self.cluster.let_in, PREFIX)
        await self.create_topics()
        await asyncio.to_thread(self._limit_the_events_topic)
        self._load = Load(self.service.url, rate, self.seed)

    def _prepare_environment(self) -> None:
        environ = self.service.environ
        environ["CHAOS_KAFKA_PASSWORD"] = PASSWORD
        environ["PYTHONPATH"] = os.pathsep.join([str(poison.folder(self.folder)), str(Path.cwd())])
        try:
            self.knobs = make_knobs(self.folder)
            environ |= self.knobs.environ
        except RuntimeError as why:
            self.notes.append(f"{why}: slow fsync and clock steps are left out")

    async def create_topics(self) -> None:
        """Make the topics, trying again while the cluster is waking up.

        That some have more partitions than configured by now is said with exit code 1, and is as we made it.
        """
        deadline_s = time.monotonic() + 60
        while (done := await asyncio.to_thread(self.service.receiver, "topics", "create")).returncode:
            if "partitions, not" in done.stderr:
                break
            assert time.monotonic() < deadline_s, f"the topics cannot be made: {done.stdout} {done.stderr}"
            await asyncio.sleep(1)
        await asyncio.to_thread(self.cluster.let_write, PREFIX)

    def _limit_the_events_topic(self) -> None:
        self.administrator.set_topic(EVENTS_TOPIC, "max.message.bytes", MESSAGE_BYTES_MAX)
        # A timestamp that is an hour ahead is refused by default, one that is behind only where somebody wants that.
        self.administrator.set_topic(EVENTS_TOPIC, "message.timestamp.before.max.ms", TIMESTAMP_OFF_S_MAX * 1000)

    def turn(self, fsync_us: int = 0, clock_s: int = 0) -> None:
        """Set the disk's delay and the clock's error."""
        if self.knobs:
            self.knobs.turn(fsync_us, clock_s)

    def limit_files(self, role: str, size: int | None) -> bool:
        """Let no file of a process grow beyond ``size`` bytes; None: as it was. False where it is not there."""
        pid = self.service.child(role)
        if pid is None:
            return False
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size or resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (ProcessLookupError, PermissionError):
            return False
        return True

    async def post(self, callback: Callback) -> int:
        """Send one callback until it gets its 200, outside the load."""
        async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(120):
            while True:
                headers = callback.headers(int(time.time()))
                try:
                    answer = await client.post(
                        f"{self.service.url}/{callback.source}", content=callback.body, headers=headers
                    )
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.status_code == 200:
                    return 200
                await asyncio.sleep(0.3)

    def must_be_quarantined(self, callback: Callback, reason: str) -> None:
        """Remember what the quarantine topic must hold at the end."""
        self.odd[hashlib.sha256(callback.body).hexdigest()] = reason

    async def until(
        self, what: str, holds: Callable[[dict[str, Any]], bool], timeout_s: float = DRAIN_TIMEOUT_S
    ) -> bool:
        """Wait until ``/readyz`` says so; what does not happen in time is wrong, and noted with the log's end."""
        started = time.monotonic()
        said: dict[str, Any] | None = None
        while time.monotonic() - started < timeout_s:
            said = await asyncio.to_thread(self.service.readyz)
            if said is not None and holds(said):
                self.recoveries_s.append((what, time.monotonic() - started))
                return True
            await asyncio.sleep(0.2)
        self.wrong.append(f"{what}: not within {timeout_s:.0f} s: {said}\n{self.service.tail_of_log(10)}")
        return False

    async def holds(self, what: str, said: Callable[[], bool]) -> bool:
        """Wait until something is so, for at most ``TRUE_S``; False where it is not."""
        started = time.monotonic()
        while time.monotonic() - started < TRUE_S:
            if await asyncio.to_thread(said):
                self.recoveries_s.append((what, time.monotonic() - started))
                return True
            await asyncio.sleep(0.2)
        return False

    async def kafka_says(self, what: str, holds: Callable[[dict[str, Any]], bool], timeout_s: float = TRUE_S) -> bool:
        """Wait until ``/readyz`` says so of Kafka: it is to be true within ``TRUE_S``."""
        return await self.until(what, lambda said: holds(said["kafka"]), timeout_s)

    async def person(self, *arguments: str) -> None:
        """Do what the runbook says; what it says must work."""
        done = await asyncio.to_thread(self.service.receiver, *arguments)
        if done.returncode != 0:
            self.wrong.append(f"receiver {' '.join(arguments)} failed: {done.stdout[-300:]} {done.stderr[-500:]}")

    async def ready(self) -> None:
        """Wait until callbacks are taken."""
        await self.until("ready again", lambda said: bool(said["ready"]), 60)

    async def drained(self) -> None:
        """Wait until everything is on Kafka."""
        await self.until("drained", _is_drained)

    async def pausing(self, body: Callable[[], Awaitable[None]]) -> None:
        """Run something while nothing is sent and everything sent is on Kafka."""
        self.load.pause()
        await self.load.quiet()
        await self.drained()
        await body()
        self.load.go_on()

    def start(self) -> None:
        """Start the service where it does not run."""
        process = self.service.process
        if process is None or process.poll() is not None:
            self.service.start()

    async def keep_running(self) -> None:
        """Be the one who supervises the supervisor: start a service again that gave up or was refused."""
        while True:
            await asyncio.sleep(0.5)
            process = self.service.process
            if not self.on_purpose and process is not None and process.poll() is not None:
                self.counts["started again"] += 1
                self.start()

    async def stopped(self, body: Callable[[], Awaitable[None]]) -> None:
        """SIGTERM once callbacks are taken, then something while nothing runs, then a start."""
        await self.ready()  # an interpreter that still starts would die of the signal, before any code of ours
        self.on_purpose = True
        code = await asyncio.to_thread(self.service.stop, 25)
        if code != 0:
            self.wrong.append(f"SIGTERM gave exit {code}")
        await body()
        self.start()
        self.on_purpose = False

    async def tear_down(self) -> None:
        """Leave nothing running."""
        await asyncio.to_thread(self.service.destroy)
        await self.cluster.stop()


def _is_drained(said: dict[str, Any]) -> bool:
    kafka, relay = said["kafka"], said["interpret"]
    return bool(said["ready"]) and kafka["state"] == "up" and kafka["backlog"] == 0 and relay["uninterpreted"] == 0
