"""How long each page of the console takes on a large journal, through its own HTTP interface.

``python -m tests.benchmarks.pages FOLDER`` takes a journal that ``finding ask`` has filled and indexed, puts callbacks
into its inbox, and asks for every page several times, each time about another operation, from the newest on and from
the middle. The last column says which question was the slowest one.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlencode

import orjson
from starlette.testclient import TestClient

from receiver.console.app import Console
from receiver.console.desk import Configuration, Desk
from receiver.console.metrics import ConsoleMetrics
from receiver.console.rules import AccessRules
from receiver.journal.handle import Journal
from receiver.journal.memory.requests import MemoryRuns
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.terms import key_of
from receiver.model.callback import VerifiedCallback, entry_digest
from receiver.model.records import OutboxBatch, OutboxRecord, Progress
from receiver.model.times import from_us
from receiver.operate.context import Context
from receiver.service.system_clock import SystemClock
from tests.benchmarks.finding import APART_US, SOURCES, START_US, index, record, say
from tests.console.seeded import card
from tests.support import Lines

ROUNDS = 20
TOGETHER = 2000
"""Callbacks that share a commit."""
BUDGET_MS = 250


def take(journal: Journal, callbacks: int) -> None:
    """Put callbacks up to this number into the inbox, and note that they are interpreted."""
    with closing(journal.inbox()) as inbox:
        last = inbox.last_number()
    if last >= callbacks:
        return

    async def append() -> None:
        writer = journal.inbox_writer(InboxLimits(wal_bytes_max=2**40))
        for begin in range(last + 1, callbacks + 1, TOGETHER):
            end = min(begin + TOGETHER, callbacks + 1)
            await asyncio.gather(*(writer.append(_callback(number)) for number in range(begin, end)))
        writer.close()

    asyncio.run(append())
    with closing(journal.outbox(write=True)) as outbox, closing(journal.inbox()) as inbox:
        newest = inbox.entry(callbacks)
        assert newest is not None, "it was just taken"
        outbox.commit(OutboxBatch(progress={"inbox": Progress(callbacks, entry_digest(newest))}))


def _callback(number: int) -> VerifiedCallback:
    one = record(number)
    return VerifiedCallback(
        one.source, START_US + number * APART_US, ((b"content-type", b"application/json"),), one.value
    )


def desk_of(journal: Journal) -> Desk:
    """What the pages work with; no service and no Kafka."""
    context = Context(
        clock=SystemClock(),
        log=Lines(),
        record_bytes_max=1_000_000,
        publish_body=False,
        runs=MemoryRuns(),
        open_journal=lambda: journal,
        open_sources=dict,
        open_kafka=lambda: None,
    )
    return Desk(
        context=context,
        place="a benchmark",
        sources=[card(name, provider="first", asked=False, kinds=("exchange",)) for name in SOURCES],
        configuration=lambda: Configuration("none", [], [], {}, [], []),
        service=lambda: None,
        retired=lambda _: (),
    )


def addresses(records: int, callbacks: int) -> Iterator[tuple[str, str]]:
    """(page, address), each time about another record."""
    chance = random.Random(7)
    for _ in range(ROUNDS):
        one = record(chance.randrange(2, records - 1, 2) | 1)
        if one.record_type != "event":
            continue
        middle = str(chance.randrange(records // 4, records // 2))
        taken = str(chance.randrange(callbacks // 4, callbacks // 2))
        for page, query in lists(one, middle, taken):
            yield page, f"{page}?{urlencode(query)}"
        yield "/operation", f"/operation/{quote(key_of(one), safe='')}"
        yield "/operation, by its id", f"/operation/{quote(one.operation_id, safe='')}"
        yield "/record", f"/record/{one.number}"
        yield "/callback", f"/callback/{chance.randrange(1, callbacks)}"


def lists(one: OutboxRecord, middle: str, taken: str) -> list[tuple[str, dict[str, str]]]:
    """(page, its fields) of all lists, about one record, and from the middle of the records and callbacks."""
    day, source = from_us(START_US + one.number * APART_US)[:10], one.source
    address = orjson.loads(one.value)["payout"]["destination"]
    return [
        ("/", {}),
        ("/search", {}),
        ("/search", {"before": middle}),
        ("/search", {"status": "failed"}),
        ("/search", {"status": "failed", "before": middle}),
        ("/search", {"since": day, "source": source}),
        ("/search", {"anomaly": "conflict", "status": "completed"}),
        ("/search", {"amount": "8123.25", "before": middle}),
        ("/search", {"q": one.operation_id[:6]}),
        ("/search", {"q": address}),
        ("/search", {"q": "nobody-has-this"}),
        ("/live", {}),
        ("/live", {"source": source, "status": "failed"}),
        ("/callbacks", {}),
        ("/callbacks", {"before": taken}),
        ("/callbacks", {"became": "duplicate"}),
        ("/callbacks", {"became": "quarantine", "before": taken}),
        ("/callbacks", {"since": "2030-01-01"}),
        ("/quarantine", {}),
        ("/quarantine", {"state": "all"}),
        ("/quarantine/group", {"reason": "unknown_status"}),
        ("/quarantine/group", {"state": "all", "skip": "50"}),
        ("/rejects", {}),
        ("/replay", {}),
        ("/replay", {"dry": "1"}),
        ("/replay", {"dry": "1", "status": "failed"}),
        ("/replay", {"dry": "1", "operation": one.operation_id}),
        ("/reconcile", {}),
        ("/config", {"show": "all"}),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--callbacks", type=int, default=300_000)
    chosen = parser.parse_args()
    journal = open_journal(chosen.folder)
    take(journal, chosen.callbacks)
    index(journal)
    with closing(journal.outbox()) as outbox:
        records = outbox.last_number()
    console = Console(desk_of(journal), AccessRules(), ConsoleMetrics())
    took: dict[str, list[tuple[float, float, str]]] = {}
    client = TestClient(console.app, base_url="http://localhost")
    for page, address in addresses(records, chosen.callbacks):
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        status = client.get(address).status_code
        cpu_ms = (time.process_time() - began_cpu_s) * 1000
        took.setdefault(page, []).append(((time.monotonic() - began_s) * 1000, cpu_ms, f"{status} {address}"))
    say(f"| page | asked | median, ms | most, ms | above {BUDGET_MS} ms | most CPU, ms | the slowest by CPU |")
    say("|---|---|---|---|---|---|---|")
    for page, times in took.items():
        ms = sorted(one for one, _, _ in times)
        above = sum(one > BUDGET_MS for one in ms)
        _, cpu_ms, slowest = max(times, key=lambda one: one[1])
        shown = f"{ms[len(ms) // 2]:.0f} | {ms[-1]:.0f} | {above} | {cpu_ms:.0f} | `{slowest[:90]}`"
        say(f"| `{page}` | {len(ms)} | {shown} |")
    console.close()


if __name__ == "__main__":
    main()
