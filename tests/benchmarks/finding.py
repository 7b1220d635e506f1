"""The index of a large journal: what the first one costs, and how long each question takes beside it.

``python -m tests.benchmarks.finding ask FOLDER`` fills a journal through the ports, two events for each operation,
indexes it as the console does, and asks. A folder that is filled already is only asked again. ``… beside`` measures a
service with and without an index that follows it, in pairs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from operator import methodcaller
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "kafka-local"))

from kafka_local import running  # noqa: E402

from receiver.interpret.status_event import to_json  # noqa: E402
from receiver.journal.engines import find_journal  # noqa: E402
from receiver.journal.handle import Journal  # noqa: E402
from receiver.journal.index import Wanted  # noqa: E402
from receiver.journal.sqlite.journal import open_journal  # noqa: E402
from receiver.model.callback import EntryId  # noqa: E402
from receiver.model.errors import ReceiverError  # noqa: E402
from receiver.model.masked_body import BodyFields, mask_body  # noqa: E402
from receiver.model.operation import OperationState, Seen, operation_key  # noqa: E402
from receiver.model.records import OutboxBatch, OutboxRecord, Outcome, Quarantined, QuarantineFilter  # noqa: E402
from receiver.model.times import from_us  # noqa: E402
from receiver.operate.indexing import IndexFollower  # noqa: E402
from receiver.service.system_clock import SystemClock  # noqa: E402
from tests.benchmarks import report  # noqa: E402
from tests.benchmarks.__main__ import PACED_S, RATE  # noqa: E402
from tests.benchmarks.stage import Stage  # noqa: E402

NICE = 10
"""Of the console's process."""
LOOK_S = 0.2
BATCH = 1000
START_US = 1_790_000_000_000_000
APART_US = 100_000
"""Between two callbacks: a million operations in two days and a third."""
SOURCES = ("first-main", "first-second", "second-main")
RARE = 20_000
"""One record in so many is a conflict, and one in so many cannot be read."""
ROUNDS = 20


def hex_of(*parts: object, digits: int = 64) -> str:
    """Digits that look like chance, and are the same every time."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:digits]


def record(number: int) -> OutboxRecord:
    """The event, or now and then the quarantine record, with this number."""
    operation, last = divmod(number - 1, 2)
    at, source = from_us(START_US + number * APART_US), SOURCES[operation % len(SOURCES)]
    common: dict[str, Any] = {"received_at": at, "callback": number, "traceparent": None, "account": "m-1"}
    if number % RARE == 0:
        about = {"quarantine_id": str(number), "reason": "unknown_status", "detail": "status"}
        blank: dict[str, Any] = {"family": "", "kind": "", "operation_id": "", "status": "", "effective": False}
        return OutboxRecord(
            number, "quarantine", str(number), "first", source, value=orjson.dumps(about), **blank, **common
        )
    status = ("failed" if operation % 50 == 0 else "completed") if last else "processing"
    anomalies = ["conflict"] if number % RARE == 1 else ["late"] if number % 97 == 0 else []
    name, event_id = (
        str(uuid.UUID(hex_of("operation", operation, digits=32))),
        str(uuid.UUID(hex_of(number, digits=32))),
    )
    said: dict[str, Any] = {
        "schema_version": "1", "event_id": event_id, "provider": "first", "source": source, "account": "m-1",
        "family": "exchange", "kind": "exchange", "operation_id": name, "reference": f"order-{operation:08d}",
        "meta": None, "status": status, "provider_status": status.title(), "terminal": bool(last), "sequence": last + 1,
        "revision": 1, "effective": True, "anomalies": anomalies,
        "spent": {"amount": "0.125", "currency": "BTC", "network": "BTC"},
        "received": {"amount": "8123.25", "currency": "USDT", "network": "TRX"},
        "payout": {"amount": "8123.25", "currency": "USDT", "network": "TRX",
                   "destination": "T" + hex_of("to", operation // 10, digits=33), "paid": None, "failed": None},
        "fees": [], "price": None, "usd": None, "swapped": None, "risk": None, "failure": None,
        "transaction_hash": "0x" + hex_of("hash", operation) if last else None,
        "created_at": at, "updated_at": at, "received_at": at, "observed_via": "webhook",
    }  # fmt: skip
    return OutboxRecord(
        number, "event", event_id, "first", source, family="exchange", kind="exchange", operation_id=name,
        status=status, effective=True, value=to_json(said), **common,
    )  # fmt: skip


def fill(journal: Journal, records: int) -> None:
    """Add records up to this number to the outbox."""
    with closing(journal.outbox(write=True)) as outbox:
        for begin in range(outbox.last_number() + 1, records + 1, BATCH):
            batch = OutboxBatch(records=[record(number) for number in range(begin, min(begin + BATCH, records + 1))])
            for one in batch.records:
                if one.record_type == "quarantine":
                    entry = EntryId("inbox", one.number)
                    batch.outcomes.append(Outcome("inbox", one.number, "quarantine", one.number, None))
                    row = (one.source, "unknown_status", "status", one.received_at, "open", "", one.number)
                    batch.quarantined.append(Quarantined(entry, *row))
                    continue
                key = operation_key(one.provider, one.account, one.kind, one.operation_id)
                batch.outcomes.append(Outcome("inbox", one.number, "event", one.number, key))
                batch.states[key] = OperationState(sequence=1, provider_status=one.status, event_id=one.record_id)
                batch.seen.append((key, Seen(one.record_id, os.urandom(32), one.number)))
            outbox.commit(batch)


def index(journal: Journal) -> tuple[float, float]:
    """Index all of it as the console does; seconds on the clock, and of CPU."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with closing(journal.index_writer(lambda body: mask_body(body, BodyFields()))) as writer:
        while writer.step():
            pass
    return time.monotonic() - began_s, time.process_time() - began_cpu_s


def questions(records: int, chance: random.Random) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What is asked, each time of another record."""
    for _ in range(ROUNDS):
        one = record(chance.randrange(2, records, 2))
        if one.record_type == "quarantine":
            continue
        said = orjson.loads(one.value)
        texts = {
            "operation id": one.operation_id,
            "first 8 of an operation id": one.operation_id[:8],
            "last 6 of an operation id": one.operation_id[-6:],
            "first 4 of an operation id": one.operation_id[:4],
            "event id": one.record_id,
            "reference": said["reference"],
            "order- (all have it)": "order-",
            "transaction hash": said["transaction_hash"],
            "address of 20 events": said["payout"]["destination"],
            "a number": str(one.number),
            "nothing that is there": uuid.UUID(int=chance.getrandbits(128)).hex,
        }
        yield from ((f"find: {name}", methodcaller("find", text)) for name, text in texts.items())
        since, until = (from_us(START_US + (one.number + more) * APART_US) for more in (0, 36_000))
        lists = {
            "all": Wanted(),
            "completed": Wanted(status="completed"),
            "failed of one source": Wanted(status="failed", source=SOURCES[0]),
            "conflict (one in 20 000)": Wanted(anomaly="conflict"),
            "completed with a conflict (none)": Wanted(status="completed", anomaly="conflict"),
            "late in an hour": Wanted(anomaly="late", since=since, until=until),
        }
        for name, wanted in lists.items():
            yield f"list: {name}", methodcaller("events", wanted)
            yield f"list: {name}, from the middle", methodcaller("events", wanted, before=records // 2)
        at_us = START_US + one.number * APART_US
        yield "counters of an hour", methodcaller("minutes", at_us, at_us + 3_600_000_000)
        yield "counters of all days", methodcaller("days", 0, 2**60)
        yield "quarantine in groups", methodcaller("quarantine_groups", QuarantineFilter())


def ask(journal: Journal, records: int) -> dict[str, list[tuple[float, bool]]]:
    """Question → (milliseconds, whether it was cut off), once for each time."""
    took: dict[str, list[tuple[float, bool]]] = {}
    with closing(journal.index()) as store:
        for name, question in questions(records, random.Random(7)):
            began_s = time.monotonic()
            cut_off = question(store).cut_off
            took.setdefault(name, []).append(((time.monotonic() - began_s) * 1000, cut_off))
    return took


def asked(folder: Path, operations: int) -> None:
    """Fill, index, ask, and print it."""
    journal, records = open_journal(folder), 2 * operations
    fill(journal, records)
    took_s, cpu_s = index(journal)
    size = sum(path.stat().st_size for path in folder.glob("search.db*"))
    say(f"{records} records indexed in {took_s:.0f} s, {cpu_s:.0f} s of CPU; {size / records:.0f} bytes a record")
    say("| question | median, ms | most, ms | cut off |\n|---|---|---|---|")
    for name, times in ask(journal, records).items():
        ms = sorted(one for one, _ in times)
        say(f"| {name} | {ms[len(ms) // 2]:.1f} | {ms[-1]:.1f} | {sum(cut for _, cut in times)} of {len(ms)} |")


def follow(folder: Path) -> None:
    """Index whatever journal there is below a folder, as the console's process does, until the process is ended."""
    os.nice(NICE)
    while True:
        for found in folder.glob("*/journal"):
            with (
                suppress(ReceiverError, OSError),
                closing(IndexFollower(find_journal(f"sqlite:{found}"), SystemClock())) as one,
            ):
                while found.exists():
                    if not one.step():
                        time.sleep(LOOK_S)
        time.sleep(LOOK_S)


def beside(rounds: int, count: int) -> None:
    """Acks, their p99 at a given rate, and events on Kafka with an index that follows over those without, in pairs."""
    ratios: dict[str, list[float]] = {"acks": [], "on Kafka": [], f"p99 at {RATE:.0f}/s": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as name, running(Path(name) / "kafka") as broker:
        stage = Stage(Path(name), broker.bootstrap, None)
        for number in range(rounds):
            found = {}
            for indexed in (False, True) if number % 2 == 0 else (True, False):
                with following(stage.folder) if indexed else nullcontext():
                    full = stage.measure("ours", count)
                    paced = stage.measure("ours", int(RATE) * PACED_S, RATE)
                found[indexed] = full.load["per_s"], full.settled_per_s or 0.0, paced.load["p99_us"]
            for ratio, one, other in zip(ratios.values(), found[True], found[False], strict=True):
                ratio.append(one / other)
            say(f"round {number + 1}: without {found[False]}, with {found[True]}")
    for what, values in ratios.items():
        say(f"| {what}, with an index that follows / without | {report.spread(values)} |")


@contextmanager
def following(folder: Path) -> Iterator[None]:
    """Run ``follow`` meanwhile."""
    command = [sys.executable, "-m", "tests.benchmarks.finding", "follow", str(folder)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield
        finally:
            process.terminate()


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ask", "follow", "beside"])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("finding"))
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=10_000)
    chosen = parser.parse_args()
    if chosen.what == "ask":
        asked(chosen.folder, chosen.operations)
    elif chosen.what == "follow":
        follow(chosen.folder)
    else:
        beside(chosen.rounds, chosen.count)


if __name__ == "__main__":
    main()
