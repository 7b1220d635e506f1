"""The simulator that a person plays from the console, under ``receiver dev``: one simulation at a time."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from receiver.model.errors import ReceiverError
from receiver.model.records import OutboxRecord
from receiver.providers.contract import Sources
from receiver.sandbox.simulator import Faults, Simulation, choose, missing

MISSING_MAX = 50


class Play:
    """What is played now. Asked from other threads than the loop's, which alone sends."""

    def __init__(self, sources: Sources, urls: Mapping[str, str], loop: asyncio.AbstractEventLoop) -> None:
        """``urls``: source → where its callbacks go."""
        self._sources = {name: sources[name] for name in urls}
        self._urls = urls
        self._loop = loop
        self._simulation: Simulation | None = None
        self._sends = ""
        self._sending: set[asyncio.Task[Any]] = set()
        self._held: dict[str, Counter[str]] = defaultdict(Counter)

    def sources(self) -> Mapping[str, Sequence[str]]:
        """Source → names of its scenarios."""
        found = {}
        for name, (provider, _) in self._sources.items():
            found[name] = [one.name for one in provider.samples.scenarios] if provider.samples is not None else []
        return found

    def start(self, source: str, scenario: str, rate: float, faults: Mapping[str, float]) -> None:
        """Begin to send, in the place of what was sent before."""
        name, _, chosen = scenario.partition(":") if not source else (source, "", scenario)
        if name not in self._sources:
            raise ReceiverError(f"{name or 'that'} is no source that can be played here")
        provider, found = self._sources[name]
        chance = random.Random(os.urandom(8))  # noqa: S311  sample data
        scenarios = choose(provider, [chosen] if chosen else ())
        made = Simulation(provider, found, self._urls[name], scenarios, chance, faults=Faults(**faults))
        self.stop()
        self._simulation = made
        self._sends = f"{chosen or 'all scenarios'} to {name}, {rate:g} callbacks a second"
        self._loop.call_soon_threadsafe(self._send, made, rate)

    def _send(self, simulation: Simulation, rate: float) -> None:
        task = self._loop.create_task(simulation.run(rate=rate, count=None))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def stop(self) -> None:
        """Send nothing more; what is under way is answered."""
        if self._simulation is not None:
            self._simulation.stop()
        self._sends = ""

    async def end(self) -> None:
        """Stop, and wait no longer for what is under way."""
        self.stop()
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def note(self, record: OutboxRecord) -> None:
        """Keep what came of an operation that was sent."""
        simulation = self._simulation
        if simulation is not None and record.record_type == "event":
            self._held[record.operation_id][orjson.loads(record.value)["provider_status"]] += 1

    def state(self) -> Mapping[str, Any]:
        """What is sent now, what was answered, and what was expected beside what came."""
        report = self._simulation.report if self._simulation is not None else None
        if report is None:
            return {"sends": "", "sent": 0, "operations": 0, "answers": {}, "expected": 0, "held": 0, "missing": []}
        held = {name: self._held[name] for name in list(report.events) if name in self._held}
        return {
            "sends": self._sends,
            "sent": report.sent,
            "operations": report.operations,
            "answers": dict(report.answers),
            "expected": sum(len(words) for words in list(report.events.values())),
            "held": sum(len(words) for words in held.values()),
            "missing": missing(report, held)[:MISSING_MAX],
        }
