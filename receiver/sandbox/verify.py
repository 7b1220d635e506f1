"""Holding what a simulation sent against what the receiver made of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import orjson

from receiver.operate.context import Context
from receiver.operate.replay_events import journal_events, kafka_events
from receiver.operate.selection import Filter
from receiver.sandbox.simulator import Report, missing

WAIT_S = 30.0
"""For the receiver to interpret and publish what was answered last."""
POLL_S = 1.0


def verify(context: Context, report: Report, source: str, where: str) -> list[str]:
    """Hold what a simulation sent against the ``journal`` or ``kafka``, waiting a while for it; gives what is wrong."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        wrong = missing(report, asyncio.run(_held(context, report, source, where)))
        if not wrong or time.monotonic() > deadline_s:
            return wrong
        time.sleep(POLL_S)


async def _held(context: Context, report: Report, source: str, where: str) -> dict[str, Counter[str]]:
    held: dict[str, Counter[str]] = {}
    mine = Filter(source=source)
    events = kafka_events(context, mine) if where == "kafka" else journal_events(context, mine)
    async for record in events:
        if record.record_type == "event" and record.operation_id in report.events:
            word = orjson.loads(record.value)["provider_status"]
            held.setdefault(record.operation_id, Counter())[word] += 1
    return held
