"""Everything that can be broken, and what was done to it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import resource
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from kafka_local import LocalKafka, free_port

from tests.chaos import poison
from tests.chaos.load import Ledger, Load
from tests.chaos.proxy import Proxy
from tests.chaos.service import Service
from tests.chaos.traffic import Callback

PREFIX = "chaos."
EVENTS_TOPIC = f"{PREFIX}exchange.status.v1"
QUARANTINE_TOPIC = f"{PREFIX}webhook.quarantine.v1"
MESSAGE_BYTES_MAX = 60_000
"""Of the events topic: the broker's own limit, lower than the service's."""
DRAIN_TIMEOUT_S = 240


def compile_preload(folder: Path) -> tuple[Path | None, str]:
    """The library that slows fsync and steps the clock; None, and why, where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None, "no C compiler: slow fsync and clock steps are left out"
    library = folder / "preload.so"
    source = Path(__file__).parent / "preload" / "preload.c"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (library, "") if done.returncode == 0 else (None, f"the C compiler failed: {done.stderr[:200]}")


@dataclass
class World:
    """A service, three brokers behind proxies, a load, and the counts."""

    folder: Path
    chance: random.Random
    seed: int
    brokers: list[LocalKafka] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[tuple[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What a fault itself found wrong."""
    odd: dict[str, str] = field(default_factory=dict)
    """SHA-256 of a body that must be quarantined → with which reason."""
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
    def bootstrap(self) -> str:
        """The brokers themselves, past the proxies: for the oracle."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    async def build(self, brokers: int, rate: float) -> None:
        """Start the cluster, the proxies and the service."""
        controllers = [free_port() for _ in range(brokers)]
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, start=1))
        for node, controller in enumerate(controllers, start=1):
            proxy_port = free_port()
            broker = LocalKafka(
                self.folder / f"kafka-{node}",
                node=node,
                controller=controller,
                voters=voters,
                replication=brokers,
                min_isr=2 if brokers > 1 else 1,
                advertised=proxy_port,
            )
            self.brokers.append(broker)
            self.proxies.append(Proxy(proxy_port, broker.port))
        for broker, proxy in zip(self.brokers, self.proxies, strict=True):
            broker.start()
            await proxy.start()
        await asyncio.gather(*(asyncio.to_thread(broker.wait_ready) for broker in self.brokers))
        bootstrap = '", "'.join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies)
        self._service = Service(self.folder / "service", bootstrap, PREFIX, replication=brokers)
        self._prepare_environment()
        await self.create_topics()
        await asyncio.to_thread(self._lower_the_brokers_limit)
        self._load = Load(self.service.url, rate, self.seed)

    def _prepare_environment(self) -> None:
        environ = self.service.environ
        environ["PYTHONPATH"] = os.pathsep.join([str(poison.folder(self.folder)), str(Path.cwd())])
        library, why = compile_preload(self.folder)
        self.knobs = self.folder / "knobs" if library else None
        if library and self.knobs:
            self.knobs.write_text("0 0\n")
            environ |= {"LD_PRELOAD": str(library), "CHAOS_KNOBS": str(self.knobs)}
        else:
            self.notes.append(why)

    async def create_topics(self) -> None:
        """Make the topics, trying again while the cluster is waking up."""
        async with asyncio.timeout(60):
            while (done := await asyncio.to_thread(self.service.receiver, "topics", "create")).returncode:
                await asyncio.sleep(1)
        assert done.returncode == 0

    def _lower_the_brokers_limit(self) -> None:
        entry = ConfigEntry("max.message.bytes", str(MESSAGE_BYTES_MAX), incremental_operation=AlterConfigOpType.SET)
        topic = ConfigResource(ResourceType.TOPIC, EVENTS_TOPIC, incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.incremental_alter_configs([topic])[topic].result(30)

    def turn(self, fsync_us: int = 0, clock_s: int = 0) -> None:
        """Set the disk's delay and the clock's error."""
        if self.knobs:
            self.knobs.write_text(f"{fsync_us} {clock_s}\n")

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
    ) -> None:
        """Wait until ``/readyz`` says so; what does not happen in time is wrong, and noted with the log's end."""
        started = time.monotonic()
        said: dict[str, Any] | None = None
        while time.monotonic() - started < timeout_s:
            said = await asyncio.to_thread(self.service.readyz)
            if said is not None and holds(said):
                self.recoveries_s.append((what, time.monotonic() - started))
                return
            await asyncio.sleep(0.2)
        self.wrong.append(f"{what}: not within {timeout_s:.0f} s: {said}\n{self.service.tail_of_log(10)}")

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
        for proxy in self.proxies:
            await proxy.stop()
        for broker in self.brokers:
            await asyncio.to_thread(broker.stop)


def _is_drained(said: dict[str, Any]) -> bool:
    kafka, relay = said["kafka"], said["interpret"]
    return bool(said["ready"]) and kafka["state"] == "up" and kafka["backlog"] == 0 and relay["uninterpreted"] == 0
