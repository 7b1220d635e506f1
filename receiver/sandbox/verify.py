"""Holding what a simulation sent against what the receiver made of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import orjson

from receiver.operate.replay_events import journal_events, kafka_events
from receiver.operate.selection import Filter
from receiver.sandbox.simulator import Report, missing
from receiver.service.config.settings import Settings

VERIFY_WAIT_S = 30.0


def verify(settings: Settings, environ: Mapping[str, str], report: Report, source: str, where: str) -> list[str]:
    """Hold what a simulation sent against the journal or Kafka, waiting a while for it; gives what is wrong."""
    deadline = time.monotonic() + VERIFY_WAIT_S
    while True:
        wrong = missing(report, asyncio.run(_held(settings, environ, report, source, where)))
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(1)


async def _held(
    settings: Settings, environ: Mapping[str, str], report: Report, source: str, where: str
) -> dict[str, Counter[str]]:
    held: dict[str, Counter[str]] = {}
    mine = Filter(source=source)
    events = kafka_events(settings, environ, mine) if where == "kafka" else journal_events(settings, mine)
    async for record in events:
        if record.record_type == "event" and record.operation_id in report.events:
            word = orjson.loads(record.value)["provider_status"]
            held.setdefault(record.operation_id, Counter())[word] += 1
    return held
